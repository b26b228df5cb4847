"""One process held by its pidfd: signalled and reaped without ever naming a pid that may be
somebody else's by now (pidfd_open(2), pidfd_send_signal(2), waitid(2) with P_PIDFD)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import trio
from attrs import define, field, frozen


@frozen
class ExitStatus:
    """How a process ended: exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None


@define(eq=False)
class Process:
    """A child process. `pidfd` is owned and closed by `close`."""

    pid: int
    pidfd: int
    _status: ExitStatus | None = field(default=None, init=False)

    async def wait(self) -> ExitStatus:
        """Wait until the process has ended and reap it; may be called again."""
        if self._status is None:
            await trio.lowlevel.wait_readable(self.pidfd)
        return self.reap()

    def reap(self) -> ExitStatus:
        """Reap a process that has ended, or block until it has."""
        if self._status is None:
            result = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
            assert result is not None
            if result.si_code == os.CLD_EXITED:
                self._status = ExitStatus(result.si_status, None)
            else:
                self._status = ExitStatus(None, result.si_status)
        return self._status

    def send_signal(self, number: int) -> None:
        """Send a signal; one that has ended already is left alone."""
        if self._status is not None:
            return
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass  # ended between two looks: there is nobody left to tell

    def close(self) -> None:
        """Close the pidfd."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def start_time(pid: int) -> int:
    """Clock ticks since boot at which `pid` started: with the boot id it names a process for good.

    Field 22 of proc_pid_stat(5). Raises FileNotFoundError.
    """
    text = Path(f"/proc/{pid}/stat").read_bytes()
    return int(text[text.rindex(b")") + 2 :].split()[19])


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
