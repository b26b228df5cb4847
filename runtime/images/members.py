"""Makes the files of an archive in directories that are open.

Each is made by its last component, with O_EXCL and O_NOFOLLOW or their like: what is there already
is an error, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence

from runtime.images.compression import PIECE
from runtime.images.tarheader import (
    BLOCK_DEVICE,
    CHARACTER,
    FIFO,
    REGULAR,
    SYMLINK,
    Entry,
    TarError,
)
from runtime.images.tarstream import TarStream

_MAX_ID = 2**32 - 2
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NODE_TYPES = {FIFO: stat.S_IFIFO, CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK}
_FOREIGN_XATTRS = (
    "trusted.overlay.",
    "user.overlay.",
    "security.selinux",
    "security.ima",
    "security.evm",
)
"""Overlay's own, with which an image could show what is hidden, and labels of another host."""


class Members:
    """Makes members whose data are read from a stream; `bytes` counts those that were stored."""

    def __init__(self, stream: TarStream) -> None:
        self._stream = stream
        self.bytes = 0
        self._makers: Mapping[int, Callable[[Entry, int, str], None]] = {
            REGULAR: self._file,
            SYMLINK: self._symlink,
            CHARACTER: self._node,
            BLOCK_DEVICE: self._node,
            FIFO: self._node,
        }

    def make(self, entry: Entry, directory: int, name: str) -> None:
        """Make one that is neither a directory nor a hard link. Raises TarError or OSError."""
        maker = self._makers.get(entry.kind)
        if maker is None:
            raise TarError(f"{entry.path[:200]!r}: unknown type {chr(entry.kind)!r}")
        maker(entry, directory, name)

    def dress(self, fd: int, entry: Entry) -> None:
        """Owner, mode and attributes, in an order in which none takes another away."""
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            if not key.startswith(_FOREIGN_XATTRS):
                os.setxattr(fd, key, value)

    def _file(self, entry: Entry, directory: int, name: str) -> None:
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=directory)
        try:
            if entry.sparse is None:
                while piece := self._stream.read(PIECE):
                    _write(fd, piece)
            else:
                self._write_sparse(fd, entry, entry.sparse)
            self.dress(fd, entry)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)
        self.bytes += entry.size

    def _write_sparse(self, fd: int, entry: Entry, pieces: Sequence[tuple[int, int]]) -> None:
        for offset, length in pieces:
            os.lseek(fd, offset, os.SEEK_SET)
            left = length
            while left:
                piece = self._stream.read(min(left, PIECE))
                if not piece:
                    raise TarError(f"{entry.path[:200]!r}: sparse file has a broken map")
                _write(fd, piece)
                left -= len(piece)
        os.ftruncate(fd, entry.real_size)

    def _symlink(self, entry: Entry, directory: int, name: str) -> None:
        os.symlink(entry.link, name, dir_fd=directory)
        self._dress_by_name(entry, directory, name)

    def _node(self, entry: Entry, directory: int, name: str) -> None:
        device = os.makedev(entry.major, entry.minor)
        os.mknod(name, _NODE_TYPES[entry.kind] | 0o600, device, dir_fd=directory)
        self._dress_by_name(entry, directory, name)
        os.chmod(f"/proc/self/fd/{directory}/{name}", entry.mode)

    def _dress_by_name(self, entry: Entry, directory: int, name: str) -> None:
        """As `dress`, for what cannot be opened without acting on it."""
        os.chown(name, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
        for key, value in entry.xattrs.items():
            if not key.startswith(_FOREIGN_XATTRS):
                path = f"/proc/self/fd/{directory}/{name}"
                os.setxattr(path, key, value, follow_symlinks=False)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)


def check_owner(entry: Entry) -> None:
    """Refuse an owner that the kernel would take for something else. Raises TarError."""
    if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
        raise TarError(f"{entry.path[:200]!r}: owner {entry.uid}:{entry.gid} is not one")


def _write(fd: int, piece: bytes) -> None:
    written = os.write(fd, piece)
    while written < len(piece):
        written += os.write(fd, memoryview(piece)[written:])
