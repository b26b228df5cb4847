"""From a plan to a running process, and from its start report to an exception or none.

The program `init` is loaded once into a sealed memory file, so that nothing inside a container
can reach the bytes that start the next one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import trio
from attrs import define, frozen

from runtime.errors import StartError
from runtime.kernel import (
    INIT,
    REPORT_EXECUTING,
    REPORT_FAILED,
    REPORT_PROCESS,
    REPORT_SIZE,
    REPORT_TERMINAL,
    read_report,
    spawn,
)
from runtime.plan.step import Step, describe
from runtime.process import Process

# memfd_create(2): Linux 6.3 wants to be told whether a memory file may be executed.
_MFD_NOEXEC_SEAL = 0x8
_MFD_EXEC = 0x10
_EXECUTE = "execute "
"""What `init` says where the command could not be executed, before its name."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
# Linux 6.3: the mode stays executable, too, whoever reaches the file through /proc/PID/exe.
_SEAL_EXEC = 0x20


def _memory_file(name: str, flags: int, optional: int) -> int:
    try:
        return os.memfd_create(name, flags | optional)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(name, flags)


def _seal(fd: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS | _SEAL_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)


@frozen
class InitProgram:
    """`init` in a sealed memory file."""

    fd: int
    digest: bytes
    size: int

    @classmethod
    def load(cls) -> InitProgram:
        """Read the program that is installed in this package and seal it."""
        content = Path(INIT).read_bytes()
        fd = _memory_file("init", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING, _MFD_EXEC)
        os.write(fd, content)
        os.fchmod(fd, 0o500)
        _seal(fd)
        return cls(fd, hashlib.sha256(content).digest(), len(content))

    def verify(self) -> None:
        """Hash the bytes that are about to be executed. Raises StartError where they differ."""
        if hashlib.sha256(os.pread(self.fd, self.size + 1, 0)).digest() != self.digest:
            raise StartError("the init program in memory has changed; refusing to execute it")

    def close(self) -> None:
        """Give the memory back."""
        os.close(self.fd)


@frozen(kw_only=True)
class Streams:
    """What the command reads from and writes to, and what `init` holds open beside it.

    Where the plan makes a terminal, that takes the place of the first three.
    """

    stdin: int
    stdout: int
    stderr: int
    hold: Sequence[int] = ()


@frozen(kw_only=True)
class LaunchDescriptors:
    """What `init` is started with (native/init.h); the caller keeps ownership of all of them."""

    streams: Streams
    exit_record: int


@frozen(kw_only=True)
class Placement:
    """Where the process is born: namespaces, a v2 cgroup directory or -1, v1 `tasks` files."""

    namespaces: int
    cgroup: int
    attach: Sequence[int]


def launch(
    program: InitProgram, plan: bytes, descriptors: LaunchDescriptors, placement: Placement
) -> tuple[Process, int]:
    """Start `init` with an encoded plan; returns the process and our side of the report socket.

    Blocks for as long as clone3 and exec take, a fraction of a millisecond. Raises StartError.
    """
    program.verify()
    streams = descriptors.streams
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    report_read, report_write = ours.detach(), its.detach()
    plan_fd = -1
    try:
        plan_fd = _memory_file("plan", os.MFD_CLOEXEC, _MFD_NOEXEC_SEAL)
        os.write(plan_fd, plan)
        pid, pidfd = spawn(
            program.fd,
            (
                streams.stdin,
                streams.stdout,
                streams.stderr,
                plan_fd,
                report_write,
                descriptors.exit_record,
                *streams.hold,
            ),
            tuple(placement.attach),
            placement.cgroup,
            placement.namespaces,
        )
    except OSError as error:
        os.close(report_read)
        cause = (error.strerror or str(error)).lower()
        raise StartError(f"start the container's first process: {cause}") from error
    finally:
        os.close(report_write)
        if plan_fd >= 0:
            os.close(plan_fd)
    return Process(pid, pidfd), report_read


@define
class Handed:
    """What `init` has handed out while it set up: whoever gets this closes what he does not use."""

    terminal: int = -1
    """The operator's side of the command's terminal; -1 where it has none."""
    process: Process | None = None
    """The command's process, where it is not the one that was launched but a child of ours."""

    def close(self) -> None:
        """Close it all."""
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1
        if self.process is not None:
            self.process.close()


async def confirm_start(report_fd: int, steps: Sequence[Step], handed: Handed) -> None:
    """Wait until the command has been executed. Raises StartError that names the failed step.

    The socket is at end-of-file once `init` and the command's process have closed it: after an
    executing record that means success, without one that the process died on the way. What comes
    with the records is put into `handed`, also where the start fails.
    """
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, report_fd)
    executing = False
    failure = None
    try:
        while record := await _receive(channel, handed):
            kind, step, error, detail = read_report(record)
            if kind == REPORT_FAILED:
                failure = failure or _failure(steps, step, error, detail)
            executing = executing or kind == REPORT_EXECUTING
    finally:
        channel.detach()  # the caller's
    if failure is not None:
        raise failure
    if not executing:
        raise StartError("the container's first process was killed while it set up the container")


async def _receive(channel: socket.socket, handed: Handed) -> bytes:
    """The next record, nothing at the end; the descriptor that came with it is in `handed`."""
    await trio.lowlevel.wait_readable(channel)
    record, descriptors, _, _ = socket.recv_fds(channel, REPORT_SIZE, 1, socket.MSG_CMSG_CLOEXEC)
    for descriptor in descriptors:
        kind, *_ = read_report(record)
        if kind == REPORT_TERMINAL and handed.terminal < 0:
            os.set_blocking(descriptor, False)
            handed.terminal = descriptor
        elif kind == REPORT_PROCESS and handed.process is None:
            handed.process = Process.held_by(descriptor)
        else:
            os.close(descriptor)
    return record


def failure_of_unknown_step(error: int, detail: str) -> StartError:
    """The error of a start whose plan is not at hand, or does not make it any clearer."""
    cause = os.strerror(error).lower()
    if not detail.startswith(_EXECUTE):
        return StartError(f"{detail}: {cause}")
    command = detail.removeprefix(_EXECUTE)
    if error == errno.ENOENT:
        return StartError(f"command not found: {command}", code=127)
    if error == errno.ELIBACC:
        return StartError(f"cannot execute {command}: its interpreter is missing", code=127)
    return StartError(f"cannot execute {command}: {cause}", code=126)


def _failure(steps: Sequence[Step], position: int, error: int, detail: str) -> StartError:
    if not 0 <= position < len(steps) or detail.startswith(_EXECUTE):
        return failure_of_unknown_step(error, detail)
    cause = os.strerror(error).lower()
    step = steps[position]
    where = f"step {position}, {step.origin}" if step.origin else f"step {position}"
    text = describe(step)
    reason = cause if detail in text else f"{detail}: {cause}"
    return StartError(f"{text}: {reason} ({where})")
