"""A container that this process attends to, and that leaves nothing behind, unless its user does.

Who leaves it by the detach keys leaves it to a supervisor, as one of `run -d`.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import click
import trio
from attrs import define, evolve

from runtime.attendance import Attendance
from runtime.container import Container, Exit, Runtime
from runtime.container.leaving import Holder
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.images.image import Image
from runtime.rootfs.writable import remove_layer
from runtime.spec import ContainerSpec, Terminal
from runtime.units import format_size
from runtime.volumes.owning import disown_volumes
from runtime.volumes.store import Users
from supervisor.cli.attend import FORWARDED, Attendant, own_terminal, size_of
from supervisor.cli.care import under_care
from supervisor.cli.caretaker import TerminalState
from supervisor.cli.detachkeys import DetachKeys
from supervisor.cli.failure import START_FAILED
from supervisor.cli.settings import Settings
from supervisor.cli.sweeping import remove_rest, sweep
from supervisor.cli.wanted import Wanted, name_volumes
from supervisor.containerspec import container_id
from supervisor.detached.attended import attend
from supervisor.detached.naming import new_id
from supervisor.detached.roster import PROJECT, Entry, Roster
from supervisor.images import image_of
from supervisor.runorder import OrderError, check_lasting, lasting_table, order_spec


def carry_out(settings: Settings, wanted: Wanted, keys: bytes | None) -> int:
    """Run the command to its end, or until these keys leave it; returns its exit code.

    Raises ContainerError or OrderError.
    """
    terminal, interactive = bool(wanted.table["tty"]), bool(wanted.table["stdin_open"])
    ours = own_terminal(terminal=terminal, interactive=interactive)
    Runtime.require_rights()
    settings.directories.prepare()
    settings.detached.directories.prepare()
    sweep(settings.detached.directories, partial(users_of_volumes, settings))
    image = image_of(wanted.job, settings.directories)
    identifier = new_id((), random.SystemRandom())
    volumes: tuple[str, ...] = ()
    if keys is not None:
        job, volumes = name_volumes(wanted.job, image)
        wanted = evolve(wanted, job=job)
    rows, columns = size_of(ours)
    spec = order_spec(
        wanted.job,
        container_id(PROJECT, identifier),
        identifier,
        image=image,
        terminal=Terminal(rows=rows, columns=columns) if terminal else None,
        stdin=interactive,
        keep=None if keys is None else identifier,
    )
    of_spec = (evolve(each, own=each.own or each.source in volumes) for each in spec.volumes)
    spec = evolve(spec, volumes=tuple(of_spec))
    entry = _entry(wanted, image, spec, identifier, volumes)
    entry, attendance = attend(settings.detached.directories, entry)
    run = _Run(settings=settings, spec=spec, entry=entry, attendance=attendance, ours=ours)
    code = under_care(
        partial(run.attend, interactive=interactive, keys=keys),
        ours,
        clean_up=run.clean_up,
        done=attendance.end,
    )
    if run.holder is not None:
        from supervisor.cli.leaving import leave  # only who leaves pays for what that takes

        leave(settings, run.holder)
    return code


def _entry(
    wanted: Wanted,
    image: Image | None,
    spec: ContainerSpec,
    identifier: str,
    volumes: tuple[str, ...],
) -> Entry:
    return Entry(
        id=identifier,
        name=wanted.name or "",
        created=time.time(),
        remove=wanted.remove,
        job={"hostname": identifier, **lasting_table(wanted.table, wanted.job, image)},
        image=None if image is None else image.target.digest,
        volumes=volumes,
        container=spec.id,
    )


@define(kw_only=True)
class _Run:
    """One container from its start to its end, or until its user leaves it."""

    settings: Settings
    spec: ContainerSpec
    entry: Entry
    attendance: Attendance
    ours: TerminalState | None
    holder: Holder | None = None
    """What this process has to become, once the user has left."""

    async def attend(self, *, interactive: bool, keys: bytes | None) -> int:
        runtime = self._runtime()
        try:
            with trio.open_signal_receiver(*FORWARDED, signal.SIGWINCH) as signals:
                return await self._attend(runtime, signals, interactive=interactive, keys=keys)
        finally:
            if self.holder is None:
                self._remove_layer()
            runtime.close()

    async def _attend(
        self,
        runtime: Runtime,
        signals: AsyncIterator[int],
        *,
        interactive: bool,
        keys: bytes | None,
    ) -> int:
        async with runtime.container(self.spec) as container:
            await container.start()
            while True:
                attendant = Attendant(
                    attended=container,
                    terminal=self.ours,
                    interactive=interactive,
                    keys=None if keys is None else DetachKeys(keys),
                )
                exit_ = await attendant.attend(signals, container.wait)
                if exit_ is not None:
                    return _code(exit_, self.spec)
                if self._leave(container):
                    return 0

    def _leave(self, container: Container) -> bool:
        """Give it over; from the moment that it is written down it is a supervisor's.

        False where that is not possible, which is told: the user can only stay.
        """
        holder = None
        try:
            check_lasting(self.entry.job)
            holder = Holder.of_container(container)
            Roster.of(self._directories).take_over(self.entry)
        except (ContainerError, OrderError) as error:
            click.echo(f"pocker: cannot leave the container: {error}", err=True)
            if holder is not None:
                holder.close()
            return False
        self.holder = holder
        with suppress(OSError):  # they are in use by the name of the container that is written down
            disown_volumes(container.directory)
        container.release()
        return True

    def clean_up(self) -> None:
        """Remove what a killed process has left of its container."""
        remove_rest(self._directories, self.entry, self._users_of_volumes)
        self.attendance.end()

    @property
    def _directories(self) -> Directories:
        return self.settings.detached.directories

    def _runtime(self) -> Runtime:
        return Runtime.open(self._directories, volume_users=self._users_of_volumes)

    def _users_of_volumes(self) -> Users:
        return users_of_volumes(self.settings)

    def _remove_layer(self) -> None:
        """Where the container could have been left, it had one that was to be kept."""
        remove_layer(self._directories.kept_layer(self.entry.id))


def users_of_volumes(settings: Settings) -> Users:
    """Who uses each volume; only a container with volumes of its own pays for what tells."""
    from supervisor.volumeusers import users_of_volumes as look

    return look(settings.directories)


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
