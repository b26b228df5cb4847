"""One supervisor per state directory: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_PATIENCE = 2.0
"""Seconds for which a dead supervisor's lock is waited for: what it was starting when it was
killed shares its descriptors until it executes `init`."""
_PAUSE = 0.01


class AlreadyRunning(Exception):
    """Another supervisor holds the state directory; `pid` is its process, if it could be read."""

    def __init__(self, path: str, pid: int | None) -> None:
        holder = "another process" if pid is None else f"pid {pid}"
        super().__init__(f"{path} is in use by a running supervisor ({holder})")
        self.pid = pid


class SupervisorLock:
    """Holds `STATE/lock` from construction to `close`. Raises AlreadyRunning or OSError."""

    def __init__(self, state: str) -> None:
        path = f"{state}/lock"
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        patience = time.monotonic() + _PATIENCE
        while not _try(self._fd, fcntl.LOCK_EX):
            pid = _read_pid(self._fd)
            if _lives(pid) or time.monotonic() > patience:
                os.close(self._fd)
                raise AlreadyRunning(state, pid)
            time.sleep(_PAUSE)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let another supervisor have it."""
        os.close(self._fd)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int | None) -> bool:
    """Whether a process is there and has not ended, reaped or not; one that is not known may be."""
    if pid is None:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def _read_pid(fd: int) -> int | None:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None


def holder(state: str) -> int | None:
    """The pid of the supervisor that runs on this state directory, or None."""
    try:
        fd = os.open(f"{state}/lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        # A shared lock does not disturb a supervisor that starts at this moment for longer than
        # this look takes; it waits for the lock a little while.
        if _try(fd, fcntl.LOCK_SH):
            return None
        pid = _read_pid(fd)
        return pid if _lives(pid) else None
    finally:
        os.close(fd)
