"""That somebody alive attends to a container which no supervisor has written down.

A lock that the kernel gives back when the last of its holders dies, so a dead one leaves no stale
lock. It is taken before anything of the container is made and given back after it has gone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from runtime.directories import Directories
from runtime.errors import ContainerError


@frozen
class Attendance:
    """Held from `begin` to `end`, and by forked processes for as long as they live."""

    path: str
    fd: int

    @classmethod
    def begin(cls, directories: Directories, container_id: str, document: bytes) -> Attendance:
        """Attend to a container that is about to be made. Raises ContainerError.

        What is told of it, in the `document`, can be read by others as long as this lasts.
        """
        path = directories.attendance(container_id)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            while True:
                fd = os.open(path, flags, 0o600)
                fcntl.flock(fd, fcntl.LOCK_EX)
                if _is_still(path, fd):
                    os.write(fd, document)
                    return cls(path, fd)
                os.close(fd)  # somebody took it for one that nobody has any more
        except OSError as error:
            raise ContainerError(f"write {path}: {error.strerror}") from error

    @classmethod
    def take_up(cls, path: str) -> Attendance | None:
        """Take up one that nobody has any more; None where somebody does. Raises OSError."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, fd):  # or whoever had it before was just removing it
                return cls(path, fd)
        except BlockingIOError:
            pass
        os.close(fd)
        return None

    def leave(self) -> None:
        """Let go of it as it is: somebody else takes it up."""
        os.close(self.fd)

    def end(self) -> None:
        """Give it back; nothing of the container is left."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        os.close(self.fd)


def documents(directories: Directories) -> dict[str, bytes]:
    """What is told of the containers that somebody alive attends to, by their ids.

    One that somebody has just begun to attend to may have nothing yet. Raises OSError.
    """
    found = {}
    for name in _names(directories):
        with suppress(FileNotFoundError):
            # Read first: what a dead one has told is no longer true.
            document = Path(directories.attendance(name)).read_bytes()
            if is_attended(directories, name):
                found[name] = document
    return found


def abandoned(directories: Directories) -> Iterator[tuple[bytes, Attendance]]:
    """What was told of containers that nobody attends to any more, each taken up.

    Raises ContainerError.
    """
    for name in _names(directories):
        path = directories.attendance(name)
        try:
            attendance = Attendance.take_up(path)
            if attendance is not None:
                yield Path(path).read_bytes(), attendance
        except OSError as error:
            raise ContainerError(f"read {path}: {error.strerror}") from error


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


def wait_until_unattended(directories: Directories, container_id: str) -> None:
    """Return when nobody attends to a container any more; this may take as long as it runs."""
    with suppress(FileNotFoundError), open(directories.attendance(container_id), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)


def _names(directories: Directories) -> list[str]:
    try:
        return sorted(os.listdir(os.path.dirname(directories.attendance(""))))
    except FileNotFoundError:
        return []


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
