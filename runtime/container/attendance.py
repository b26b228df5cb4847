"""That somebody alive attends to a container which no supervisor has written down.

A lock that the kernel gives back when the last of its holders dies, so a dead one leaves no stale
lock. It is taken before anything of the container is made and given back after it has gone.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from attrs import frozen

from runtime.directories import Directories
from runtime.errors import ContainerError


@frozen
class Attendance:
    """Held from `begin` to `end`, and by forked processes for as long as they live."""

    path: str
    fd: int

    @classmethod
    def begin(cls, directories: Directories, container_id: str) -> Attendance:
        """Attend to a container that is about to be made. Raises ContainerError."""
        path = directories.attendance(container_id)
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise ContainerError(f"open {path}: {error.strerror}") from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                raise ContainerError(f"the name {container_id} is in use by a container") from None
            if _is_still(path, fd):
                return cls(path, fd)
            os.close(fd)  # whoever had it before was just removing it

    def end(self) -> None:
        """Give it back; nothing of the container is left."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        os.close(self.fd)


def is_attended(directories: Directories, container_id: str) -> bool:
    """Whether somebody alive attends to a container."""
    try:
        fd = os.open(directories.attendance(container_id), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
