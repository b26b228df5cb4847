"""Makes the files of an archive in directories that are open.

Each is made by its last component, with O_EXCL and O_NOFOLLOW or their like: what is there already
is an error, and no link is followed.

In a user namespace not every owner is there, and no devices can be made: an owner that is not there
becomes root, which a note at files and directories tells, and a device becomes an empty file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence

from runtime.images.compression import PIECE
from runtime.images.lowers import OVERLAY_XATTRS
from runtime.images.ownernote import NOTE_XATTR, write_note
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
from runtime.usernamespace import owners_here

_MAX_ID = 2**32 - 2
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NODE_TYPES = {FIFO: stat.S_IFIFO, CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK}
_FOREIGN_XATTRS = (*OVERLAY_XATTRS, "security.selinux", "security.ima", "security.evm")
"""Overlay's own, with which an image could show what is hidden, and labels of another host."""
_XATTRS_OF_ROOT = ("trusted.", "security.", NOTE_XATTR)
"""What cannot be set in a user namespace, and what says something else there."""
_CAPABILITIES = "security.capability"
"""This can be set in each; it counts in there then."""


class Members:
    """Makes members whose data are read from a stream; `bytes` counts those that were stored."""

    def __init__(self, stream: TarStream) -> None:
        self._stream = stream
        self._owners = owners_here()
        foreign = () if self._owners.all_there else _XATTRS_OF_ROOT
        self._foreign_xattrs = (*_FOREIGN_XATTRS, *foreign)
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

    def fill(self, fd: int, entry: Entry) -> None:
        """Make a new file what the entry of a regular one says. Raises TarError or OSError."""
        if entry.sparse is None:
            while piece := self._stream.read(PIECE):
                _write(fd, piece)
        else:
            self._write_sparse(fd, entry, entry.sparse)
        self._finish(fd, entry)
        self.bytes += entry.size

    def dress(self, fd: int, entry: Entry) -> None:
        """Owner, mode and attributes, in an order in which none takes another away."""
        owner = self._owners.kept(entry.uid, entry.gid)
        os.fchown(fd, *owner)
        os.fchmod(fd, entry.mode)
        for key, value in self._attributes(entry):
            os.setxattr(fd, key, value)
        if owner != (entry.uid, entry.gid):
            os.setxattr(fd, NOTE_XATTR, write_note(entry.uid, entry.gid))

    def _attributes(self, entry: Entry) -> Iterator[tuple[str, bytes]]:
        for key, value in entry.xattrs.items():
            if key == _CAPABILITIES or not key.startswith(self._foreign_xattrs):
                yield key, value

    def _file(self, entry: Entry, directory: int, name: str) -> None:
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=directory)
        try:
            self.fill(fd, entry)
        finally:
            os.close(fd)

    def _empty_file(self, entry: Entry, directory: int, name: str) -> None:
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=directory)
        try:
            self._finish(fd, entry)
        finally:
            os.close(fd)

    def _finish(self, fd: int, entry: Entry) -> None:
        self.dress(fd, entry)
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))

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
        hides = entry.kind == CHARACTER and not device  # which everybody may make
        if entry.kind != FIFO and not hides and not self._owners.all_there:
            self._empty_file(entry, directory, name)
            return
        os.mknod(name, _NODE_TYPES[entry.kind] | 0o600, device, dir_fd=directory)
        self._dress_by_name(entry, directory, name)
        os.chmod(f"/proc/self/fd/{directory}/{name}", entry.mode)

    def _dress_by_name(self, entry: Entry, directory: int, name: str) -> None:
        """As `dress`, for what cannot be opened without acting on it."""
        owner = self._owners.kept(entry.uid, entry.gid)
        os.chown(name, *owner, dir_fd=directory, follow_symlinks=False)
        for key, value in self._attributes(entry):
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
