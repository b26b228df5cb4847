"""A container that lives as long as this process attends to it, and leaves nothing behind."""

from __future__ import annotations

import secrets
import signal
from functools import partial

import click
import trio
from attrs import frozen

from runtime.cgroups import CgroupGone
from runtime.container import Attendance, Exit, Runtime
from runtime.directories import Directories
from runtime.spec import ContainerSpec, Terminal
from runtime.units import format_size
from runtime.volumes.store import Users
from supervisor.cli.attend import FORWARDED, Attendant, own_terminal, size_of
from supervisor.cli.care import under_care
from supervisor.cli.caretaker import TerminalState
from supervisor.cli.failure import START_FAILED
from supervisor.images import image_of
from supervisor.jobspec import JobSpec
from supervisor.runorder import order_spec


@frozen(kw_only=True)
class Wanted:
    """A command, and what of ours it is to have."""

    job: JobSpec
    identifier: str
    terminal: bool
    interactive: bool


def carry_out(directories: Directories, wanted: Wanted) -> int:
    """Run the command to its end; returns its exit code. Raises ContainerError or OrderError."""
    ours = own_terminal(terminal=wanted.terminal, interactive=wanted.interactive)
    rows, columns = size_of(ours)
    Runtime.require_rights()
    directories.prepare()
    spec = order_spec(
        wanted.job,
        wanted.identifier,
        secrets.token_hex(6),
        image=image_of(wanted.job, directories),
        terminal=Terminal(rows=rows, columns=columns) if wanted.terminal else None,
        stdin=wanted.interactive,
    )
    attendance = Attendance.begin(directories, spec.id)
    return under_care(
        partial(_run, directories, spec, wanted, ours),
        ours,
        clean_up=partial(_clean_up, directories, spec.id, attendance),
        done=attendance.end,
    )


async def _run(
    directories: Directories, spec: ContainerSpec, wanted: Wanted, ours: TerminalState | None
) -> int:
    runtime = Runtime.open(directories, volume_users=partial(_users_of_volumes, directories))
    try:
        with trio.open_signal_receiver(*FORWARDED, signal.SIGWINCH) as signals:
            async with runtime.container(spec) as container:
                await container.start()
                attendant = Attendant(
                    attended=container, terminal=ours, interactive=wanted.interactive
                )
                exit_ = await attendant.attend(signals, container.wait)
        return _code(exit_, spec)
    finally:
        runtime.close()


def _users_of_volumes(directories: Directories) -> Users:
    # Only a container with volumes of its own pays for what tells.
    from supervisor.volumeusers import users_of_volumes

    return users_of_volumes(directories)


def _code(exit_: Exit, spec: ContainerSpec) -> int:
    """What a shell would say of the command; and why, where the kernel was short of memory."""
    failed, kills = exit_.code != 0, exit_.usage.oom_kills
    if failed and kills:
        limit = spec.limits.memory
        told = "" if limit is None else f" (limit {format_size(limit)})"
        killed = "a process" if kills == 1 else f"{kills} processes"
        click.echo(f"pocker: OOMKilled: {killed} killed for want of memory{told}", err=True)
    if exit_.signal is not None:
        return 128 + exit_.signal
    return START_FAILED if exit_.code is None else exit_.code


def _clean_up(directories: Directories, container_id: str, attendance: Attendance) -> None:
    """Remove what a killed process has left of its container."""
    trio.run(_remove, directories, container_id)
    attendance.end()


async def _remove(directories: Directories, container_id: str) -> None:
    runtime = Runtime.open(directories, volume_users=partial(_users_of_volumes, directories))
    try:
        async with runtime.adopted(container_id):
            pass
    except CgroupGone:
        return  # only files were left, which have gone as well
    finally:
        runtime.close()
