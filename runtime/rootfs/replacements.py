"""Files that take the places of others in directories that are not ours, one after the other.

Each is whole when it has its name. Until then it has none where the file system can, and where it
cannot, or a file has to make way, a name that a second process takes away should this one be
killed: nobody else would know of it.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import define, frozen

from runtime.bystander import stand_by

_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR})
"""Of a file system that has no files without a name (O_TMPFILE), as overlayfs before Linux 6.3."""
_WRITTEN = os.O_WRONLY | os.O_CLOEXEC
_NEW = _WRITTEN | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_LONGEST_NAME = 64
_NONE = b"-"


@define
class Replacements:
    """Who makes such files; to be closed."""

    _guard: _Guard | None = None

    @contextmanager
    def file(self, directory: int, name: str) -> Iterator[int]:
        """A descriptor to write a new file by, which takes the place of `name` in the end.

        It is not durable then. Raises OSError, as where `name` is a directory.
        """
        fd = _unnamed(directory)
        if fd is not None:
            with _closing(fd):
                yield fd
                self._give_name(fd, directory, name)
            return
        with self._temporary(directory) as temporary:
            with _closing(os.open(temporary, _NEW, 0o600, dir_fd=directory)) as fd:
                yield fd
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)

    def _give_name(self, fd: int, directory: int, name: str) -> None:
        unnamed = f"/proc/self/fd/{fd}"
        with suppress(FileExistsError):
            os.link(unnamed, name, dst_dir_fd=directory, follow_symlinks=True)
            return
        with self._temporary(directory) as temporary:
            os.link(unnamed, temporary, dst_dir_fd=directory, follow_symlinks=True)
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)

    @contextmanager
    def _temporary(self, directory: int) -> Iterator[str]:
        """A name that is gone on exit, whatever happens."""
        name = f".{secrets.token_hex(8)}.new"
        if self._guard is None:
            self._guard = _Guard.begin()
        self._guard.look_after(directory, name)
        try:
            yield name
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
            self._guard.forget()

    def close(self) -> None:
        """Let the second process go."""
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None


def _unnamed(directory: int) -> int | None:
    """A file without a name; None where the file system has none."""
    try:
        return os.open(".", _WRITTEN | os.O_TMPFILE, 0o600, dir_fd=directory)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        return None


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


@frozen
class _Guard:
    """The second process."""

    pid: int
    link: socket.socket

    @classmethod
    def begin(cls) -> _Guard:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            _guard(its)
        its.close()
        return cls(pid, ours)

    def look_after(self, directory: int, name: str) -> None:
        with suppress(ConnectionError):  # it has been killed
            socket.send_fds(self.link, [name.encode()], [directory])

    def forget(self) -> None:
        with suppress(ConnectionError):
            self.link.send(_NONE)

    def dismiss(self) -> None:
        self.link.close()
        os.waitpid(self.pid, 0)


def _guard(link: socket.socket) -> None:
    """The whole life of it."""
    try:
        stand_by()
        name, directory = "", -1
        while True:
            message, descriptors, _, _ = socket.recv_fds(link, _LONGEST_NAME, 1)
            if not message:
                break
            if directory >= 0:
                os.close(directory)
            name, directory = message.decode(), descriptors[0] if descriptors else -1
        if directory >= 0:
            os.unlink(name, dir_fd=directory)
    finally:
        os._exit(0)
