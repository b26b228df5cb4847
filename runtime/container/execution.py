"""A command in a container that runs already: started by a fresh `init`, never by a copy of us.

It joins all namespaces at once by the pidfd of the container's first process, and is born into the
cgroup like any process of the container, so it has the container's limits and ends with it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, TypeAlias

import trio
from attrs import define, field, frozen

from runtime.cgroups import Cgroup
from runtime.container.pipes import anonymous_pipe
from runtime.errors import StartError
from runtime.execspec import ExecSpec
from runtime.launch import (
    Handed,
    InitProgram,
    LaunchDescriptors,
    Placement,
    Streams,
    confirm_start,
    launch,
)
from runtime.plan import encode
from runtime.plan.joining import joining_plan
from runtime.process import ExitStatus, Process, reap_unknown
from runtime.rootfs import Identity, read_from_layers, resolve_identity
from runtime.security.seccomp import compile_filter

Stream: TypeAlias = Literal["stdout", "stderr"]

_PATIENCE = 10.0
"""Seconds that a killed process may take to die; one in a container that is paused takes longer."""


@frozen(kw_only=True)
class Host:
    """The running container that a command joins, by its first process and its cgroup."""

    process: Process
    cgroup: Cgroup
    program: InitProgram


@define(eq=False)
class Execution:
    """A command that was started in a running container; `close` lets go of it."""

    _handed: Handed = field(factory=Handed, init=False)
    stdin: int = field(default=-1, init=False)
    """Non-blocking write end of its standard input, where one was asked for."""
    stdout: int = field(default=-1, init=False)
    """Non-blocking read end of its standard output."""
    stderr: int = field(default=-1, init=False)
    """The same for standard error."""

    @classmethod
    async def start(cls, host: Host, spec: ExecSpec) -> Execution:
        """Start a command and return once it has been executed. Raises SpecError or StartError."""
        execution = cls()
        try:
            await execution._start(host, spec)
        except BaseException:
            with trio.CancelScope(shield=True):
                await _end(execution._handed.process)
            execution.close()
            raise
        return execution

    @property
    def process(self) -> Process:
        """The command's, which is a child of ours."""
        assert self._handed.process is not None, "known since the start"
        return self._handed.process

    @property
    def terminal(self) -> int:
        """The operator's side of its terminal, which then stands for all three; else -1."""
        return self._handed.terminal

    async def wait(self) -> ExitStatus | None:
        """Wait until the command has ended; what it left running goes on."""
        return await self.process.wait()

    def outputs(self) -> list[tuple[Stream, int]]:
        """The open output pipes."""
        pipes: list[tuple[Stream, int]] = [("stdout", self.stdout), ("stderr", self.stderr)]
        return [(stream, pipe) for stream, pipe in pipes if pipe >= 0]

    def signal(self, number: int) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the command at once; what it started goes on."""
        self.signal(signal.SIGKILL)

    def close_stdin(self) -> None:
        """Let the command read to the end of its input."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def close(self) -> None:
        """Let go of it: its pipes are broken and its terminal hangs up."""
        self.close_stdin()
        for fd in (self.stdout, self.stderr):
            if fd >= 0:
                os.close(fd)
        self.stdout = self.stderr = -1
        self._handed.close()

    async def _start(self, host: Host, spec: ExecSpec) -> None:
        identity = _identity_of(spec, host.process)
        program = b""
        if spec.seccomp:
            program = compile_filter(spec.capabilities, spec.seccomp_profile)
        steps = joining_plan(spec, identity, program)
        starter, report = self._launch(host, spec, identity, encode(steps))
        try:
            await confirm_start(report, steps, self._handed)
        finally:
            with trio.CancelScope(shield=True):
                await _end(starter)
                if self._handed.process is None:
                    await reap_unknown(_PATIENCE)
            starter.close()
            os.close(report)
        if self._handed.process is None:
            raise StartError("the command's process was killed before it could be known")

    def _launch(
        self, host: Host, spec: ExecSpec, identity: Identity, plan: bytes
    ) -> tuple[Process, int]:
        with ExitStack() as opened:

            def hold(fd: int) -> int:
                opened.callback(os.close, fd)
                return fd

            try:
                host.cgroup.open_launch_fds()
                opened.callback(host.cgroup.close_launch_fds)
                streams = self._streams(spec, identity, host.process.pidfd, hold)
                nowhere = hold(os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC))
            except OSError as error:
                raise StartError(f"prepare the command: {error.strerror}") from error
            return launch(
                host.program,
                plan,
                LaunchDescriptors(streams=streams, exit_record=nowhere),
                Placement(namespaces=0, cgroup=host.cgroup.into_fd, attach=host.cgroup.attach_fds),
            )

    def _streams(
        self, spec: ExecSpec, owner: Identity, target: int, hold: Callable[[int], int]
    ) -> Streams:
        if spec.terminal is not None or not spec.stdin:
            stdin = hold(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))
        else:
            stdin, self.stdin = anonymous_pipe(owner)
            hold(stdin)
            os.set_blocking(self.stdin, False)
        if spec.terminal is not None:
            return Streams(stdin=stdin, stdout=stdin, stderr=stdin, hold=(target,))
        if not spec.output:
            dropped = hold(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))
            return Streams(stdin=stdin, stdout=dropped, stderr=dropped, hold=(target,))
        self.stdout, out_write = anonymous_pipe(owner)
        hold(out_write)
        os.set_blocking(self.stdout, False)
        self.stderr, err_write = anonymous_pipe(owner)
        hold(err_write)
        os.set_blocking(self.stderr, False)
        return Streams(stdin=stdin, stdout=out_write, stderr=err_write, hold=(target,))


async def _end(process: Process | None) -> None:
    """See to it that a child of ours has gone, and reap it."""
    if process is not None:
        process.send_signal(signal.SIGKILL)
        with trio.move_on_after(_PATIENCE):
            await process.wait()


def _identity_of(spec: ExecSpec, target: Process) -> Identity:
    """Who the command runs as, in the container's files as they are now."""
    root = (f"/proc/{target.pid}/root",)
    passwd = read_from_layers(root, "etc/passwd")
    group = read_from_layers(root, "etc/group")
    return resolve_identity(spec.user, spec.groups, passwd, group)
