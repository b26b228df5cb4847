"""One process held by its pidfd, so that no recycled pid is ever signalled or reaped.

pidfd_open(2), pidfd_send_signal(2), waitid(2) with P_PIDFD.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import trio
from attrs import define, field, frozen

_LOOK = 0.05
"""Seconds between two looks at processes that nobody holds."""


@frozen
class ExitStatus:
    """How a process ended: exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None


# ioctl_pidfd(2), Linux 6.15: what became of a process that another one has reaped.
_PIDFD_GET_INFO = 0xC040FF0B
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("=QQ11Ii")
_STATE, _START_TIME, _EXIT_CODE = 0, 19, 49
"""Positions behind the command's name in proc_pid_stat(5)."""


@define(eq=False)
class Process:
    """A process held by `pidfd`, which is owned and closed by `close`.

    A child of ours, or after the death of the supervisor that started it somebody else's.
    """

    pid: int
    pidfd: int
    held: ClassVar[Counter[int]] = Counter()
    """The pids of all in this process that have not been closed."""
    _turn: trio.Lock = field(factory=trio.Lock, init=False)
    _ended: bool = field(default=False, init=False)
    _status: ExitStatus | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.held[self.pid] += 1

    @classmethod
    def adopt(cls, pid: int) -> Process | None:
        """Hold a process that is not our child, or None if it is gone."""
        try:
            return cls(pid, os.pidfd_open(pid))
        except ProcessLookupError:
            return None

    @classmethod
    def held_by(cls, pidfd: int) -> Process:
        """The process behind a pidfd, which becomes this one's."""
        for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
            name, _, number = line.partition(":")
            if name == "Pid":
                return cls(int(number), pidfd)
        raise ValueError(f"descriptor {pidfd} is not a pidfd")

    async def wait(self) -> ExitStatus | None:
        """Wait until the process has ended and reap it; None if nobody can know how it ended."""
        async with self._turn:  # trio lets one task at a time wait for a descriptor
            if not self._ended:
                await trio.lowlevel.wait_readable(self.pidfd)
                try:
                    self._status = self._reap()
                except ChildProcessError:
                    self._status = self._look_up_status()
                self._ended = True
            return self._status

    def _reap(self) -> ExitStatus:
        result = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        assert result is not None
        if result.si_code == os.CLD_EXITED:
            return ExitStatus(result.si_status, None)
        return ExitStatus(None, result.si_status)

    def _look_up_status(self) -> ExitStatus | None:
        """How somebody else's child ended: the zombie's word, else what the pidfd has kept."""
        try:
            fields = _stat_fields(self.pid)
            # After a look at the pid: the process behind the pidfd was still there to have it.
            signal.pidfd_send_signal(self.pidfd, 0)
            if fields[_STATE] == b"Z":
                return _exit_status(int(fields[_EXIT_CODE]))
        except (FileNotFoundError, ProcessLookupError):
            pass  # reaped by now
        return self._read_info()

    def _read_info(self) -> ExitStatus | None:
        request = bytearray(_PIDFD_INFO.pack(_PIDFD_INFO_EXIT, *[0] * 13))
        try:
            fcntl.ioctl(self.pidfd, _PIDFD_GET_INFO, request)
        except OSError as error:
            # A kernel that does not know the request, or no longer the process.
            if error.errno in (errno.ENOTTY, errno.EINVAL, errno.ESRCH):
                return None
            raise
        mask, *_, wait_status = _PIDFD_INFO.unpack(request)
        return _exit_status(wait_status) if mask & _PIDFD_INFO_EXIT else None

    @property
    def has_its_pid(self) -> bool:
        """Whether what was asked about its pid until now was asked about this process."""
        try:
            signal.pidfd_send_signal(self.pidfd, 0)
        except ProcessLookupError:
            return False
        return True

    def send_signal(self, number: int) -> None:
        """Send a signal; one that has ended already is left alone."""
        if self._ended:
            return
        with suppress(ProcessLookupError):  # ended between two looks: nobody is left to tell
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        """Close the pidfd."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
            self.held[self.pid] -= 1
            if not self.held[self.pid]:
                del self.held[self.pid]


async def reap_unknown(patience: float) -> None:
    """Reap children in the namespaces of containers that nobody holds, once they are dead.

    One can be killed before it has told of itself, and as long as it is there, no process that is
    the first of its namespace can end (zap_pid_ns_processes in kernel/pid_namespace.c). Those that
    still live are waited for, for so many seconds.
    """
    for _ in range(int(patience / _LOOK)):
        if not _reap_unknown():
            return
        await trio.sleep(_LOOK)


def _reap_unknown() -> bool:
    """Whether some of them still live."""
    alive = False
    for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        pid = int(word)
        if Process.held[pid] > 0:
            continue
        with suppress(FileNotFoundError, ProcessLookupError, ChildProcessError):
            if namespace_pid(pid) == 0:
                continue  # in our own: somebody else's child, such as a program that was started
            alive = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None or alive
    return alive


def namespace_pid(pid: int) -> int:
    """The pid of a process in the namespace right below ours (NSpid in proc_pid_status(5)).

    0 for one that is in another, as a container's processes may be that make their own. Raises
    FileNotFoundError or ProcessLookupError if it is gone.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            pids = line.split()[1:]
            return int(pids[1]) if len(pids) == 2 else 0
    raise ProcessLookupError(pid)


def boottime() -> float:
    """Seconds since boot, suspended time included: a clock that nobody steps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started_at(pid: int) -> float:
    """When a process started, as `boottime` seconds to a hundredth; now, if it is gone."""
    try:
        ticks = int(_stat_fields(pid)[_START_TIME])
    except (FileNotFoundError, ProcessLookupError):
        return boottime()
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat_fields(pid: int) -> list[bytes]:
    """The fields behind the name, which may hold anything. Raises FileNotFoundError."""
    text = Path(f"/proc/{pid}/stat").read_bytes()
    return text[text.rindex(b")") + 2 :].split()


def _exit_status(wait_status: int) -> ExitStatus:
    if os.WIFEXITED(wait_status):
        return ExitStatus(os.WEXITSTATUS(wait_status), None)
    return ExitStatus(None, os.WTERMSIG(wait_status))


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
