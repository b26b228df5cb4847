"""The input of a container that others attend to.

Without a terminal it is a pipe whose write end PID 1 holds, so that it stays open although nobody
may be there to write to it. Who makes it read-only says that no more is to come: PID 1 lets go of
it, and the command reads to its end. Where PID 1 is the command itself, or hands on what is typed
at a terminal, it is a named pipe, which never ends.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define

from runtime.container.runtime import Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.process import Process

_ENDED = 0o400


@define
class Input:
    """Somebody's write end of it."""

    fd: int
    """Non-blocking; -1 once it is closed."""
    _init: Process | None
    """Who holds it open; None where it never ends."""

    @classmethod
    @contextmanager
    def of(cls, directories: Directories, container_id: str) -> Iterator[Input | None]:
        """That of a container; None where it reads from nothing, has ended or was told all."""
        found = None
        with suppress(ContainerError), Runtime.visiting(directories, container_id) as visit:
            found = cls._open(visit.container.directory.stdin, visit.container.process)
        try:
            yield found
        finally:
            if found is not None:
                found.close()

    @classmethod
    def _open(cls, path: str, process: Process | None) -> Input | None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            if stat.S_ISFIFO(os.lstat(path).st_mode):
                return cls(os.open(path, flags | os.O_NOFOLLOW), None)
            if process is None:
                return None
            fd = os.open(f"/proc/{process.pid}/fd/{Path(path).read_text()}", flags)
            init = Process.adopt(process.pid)
        except OSError:
            return None
        found = cls(fd, init)
        if process.has_its_pid and stat.S_IMODE(os.fstat(fd).st_mode) != _ENDED:
            return found
        found.close()
        return None

    def end(self) -> None:
        """No more is to come, from nobody."""
        if self._init is not None and self.fd >= 0:
            os.fchmod(self.fd, _ENDED)
            self._close()
            self._init.send_signal(signal.SIGCHLD)  # it looks whenever it is woken

    def close(self) -> None:
        """Leave it to others."""
        self._close()
        if self._init is not None:
            self._init.close()
            self._init = None

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
