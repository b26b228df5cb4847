"""From a plan to a running process, and from its start report to an exception or none.

The program `init` is loaded once into a sealed memory file, so that nothing inside a container
can reach the bytes that start the next one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Sequence
from importlib import resources

import trio
from attrs import frozen

from runtime.errors import StartError
from runtime.kernel import (
    REPORT_EXECUTING,
    REPORT_FAILED,
    REPORT_SIZE,
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
        content = resources.files("runtime").joinpath("init").read_bytes()
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
class LaunchDescriptors:
    """What `init` is started with (native/init.h); the caller keeps ownership of all of them."""

    stdin: int
    stdout: int
    stderr: int
    exit_record: int
    hold: Sequence[int]


@frozen(kw_only=True)
class Placement:
    """Where the process is born: namespaces, a v2 cgroup directory or -1, v1 `tasks` files."""

    namespaces: int
    cgroup: int
    attach: Sequence[int]


def launch(
    program: InitProgram, plan: bytes, descriptors: LaunchDescriptors, placement: Placement
) -> tuple[Process, int]:
    """Start `init` with an encoded plan; returns the process and the report pipe's read end.

    Blocks for as long as clone3 and exec take, a fraction of a millisecond. Raises StartError.
    """
    program.verify()
    report_read, report_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    plan_fd = -1
    try:
        plan_fd = _memory_file("plan", os.MFD_CLOEXEC, _MFD_NOEXEC_SEAL)
        os.write(plan_fd, plan)
        pid, pidfd = spawn(
            program.fd,
            (
                descriptors.stdin,
                descriptors.stdout,
                descriptors.stderr,
                plan_fd,
                report_write,
                descriptors.exit_record,
                *descriptors.hold,
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


async def confirm_start(report_fd: int, steps: Sequence[Step]) -> None:
    """Wait until the command has been executed. Raises StartError that names the failed step.

    The pipe is at end-of-file once `init` and the command's process have closed it: after an
    executing record that means success, without one that the process died on the way.
    """
    received = bytearray()
    while True:
        await trio.lowlevel.wait_readable(report_fd)
        piece = os.read(report_fd, 4096)
        if not piece:
            break
        received += piece
    executing = False
    for offset in range(0, len(received), REPORT_SIZE):
        kind, step, error, detail = read_report(bytes(received[offset : offset + REPORT_SIZE]))
        if kind == REPORT_FAILED:
            raise _failure(steps, step, error, detail)
        executing = executing or kind == REPORT_EXECUTING
    if not executing:
        raise StartError("the container's first process was killed while it set up the container")


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
