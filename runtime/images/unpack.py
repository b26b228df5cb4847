"""Unpacks one layer into a directory that overlay can use as a lower one.

Nothing of an archive reaches outside of that directory: names are split into components, links on
the way to a file are resolved here against the layers (never by the kernel), the directory so found
is opened with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, and each file in it is made by its last
component with O_EXCL and O_NOFOLLOW or their like. What is there already is removed first.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from runtime.errors import ImageError
from runtime.images.compression import PIECE
from runtime.images.layerpath import meaning, split
from runtime.images.layertree import LayerTree
from runtime.images.tarheader import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
    TarError,
)
from runtime.images.tarstream import TarStream, UnpackLimits

_MAX_ID = 2**32 - 2
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NODE_TYPES = {FIFO: stat.S_IFIFO, CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK}
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
_FOREIGN_XATTRS = (
    "trusted.overlay.",
    "user.overlay.",
    "security.selinux",
    "security.ima",
    "security.evm",
)
"""Overlay's own, with which an image could show what is hidden, and labels of another host."""


def unpack_layer(
    chunks: Iterable[bytes], directory: str, lowers: Sequence[str], limits: UnpackLimits
) -> int:
    """Unpack a tar archive into an empty directory; returns the bytes of its files.

    `lowers` are the unpacked layers below, topmost first. Raises ImageError, or OSError where the
    disk is at fault; what was made until then is for the caller to remove.
    """
    stream = TarStream(chunks, limits)
    with closing(LayerTree(directory, lowers)) as tree:
        unpacker = _Unpacker(stream, tree, limits)
        entry = None
        try:
            for entry in stream.entries():
                unpacker.make(entry)
        except TarError as error:
            raise ImageError(f"layer: {error}") from error
        except OSError as error:
            if entry is None or error.errno in _DISK_FAULTS:
                raise
            cause = (error.strerror or str(error)).lower()
            raise ImageError(f"layer: unpack {entry.path[:200]!r}: {cause}") from error
        tree.finish()
    return unpacker.bytes


class _Unpacker:
    """Makes each member of an archive in a tree."""

    def __init__(self, stream: TarStream, tree: LayerTree, limits: UnpackLimits) -> None:
        self._stream = stream
        self._tree = tree
        self._depth = limits.depth
        self.bytes = 0
        self._makers: dict[int, Callable[[Entry, int, str], None]] = {
            REGULAR: self._file,
            HARD_LINK: self._hard_link,
            SYMLINK: self._symlink,
            CHARACTER: self._node,
            BLOCK_DEVICE: self._node,
            FIFO: self._node,
        }

    def make(self, entry: Entry) -> None:
        """Make one member, whatever it is."""
        parent, name = split(entry.path, self._depth)
        if not name:
            if entry.kind != DIRECTORY:
                raise TarError("the root is not a directory")
            self._finish_directory(entry, "")
            return
        does, hidden = meaning(name)
        if does == "nothing":
            return
        if does == "opaque":
            self._tree.make_opaque(parent)
            return
        if does == "whiteout":
            self._tree.hide(parent, hidden)
            return
        if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
            raise TarError(f"{entry.path[:200]!r}: owner {entry.uid}:{entry.gid} is not one")
        if entry.kind == DIRECTORY:
            self._finish_directory(entry, self._tree.make_directory(parent, name))
            return
        maker = self._makers.get(entry.kind)
        if maker is None:
            raise TarError(f"{entry.path[:200]!r}: unknown type {chr(entry.kind)!r}")
        directory = self._tree.enter(parent)
        try:
            maker(entry, directory, name)
        except FileExistsError:
            self._tree.clear(directory, name)
            maker(entry, directory, name)

    def _finish_directory(self, entry: Entry, real: str) -> None:
        fd = self._tree.open(real)
        try:
            self._dress(fd, entry)
        finally:
            os.close(fd)
        self._tree.times[real] = entry.mtime_ns

    def _file(self, entry: Entry, directory: int, name: str) -> None:
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=directory)
        try:
            if entry.sparse is None:
                while piece := self._stream.read(PIECE):
                    _write(fd, piece)
            else:
                self._write_sparse(fd, entry, entry.sparse)
            self._dress(fd, entry)
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

    def _dress(self, fd: int, entry: Entry) -> None:
        """Owner, mode and attributes, in an order in which none takes another away."""
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            if not key.startswith(_FOREIGN_XATTRS):
                os.setxattr(fd, key, value)

    def _hard_link(self, entry: Entry, directory: int, name: str) -> None:
        parent, target = split(entry.link, self._depth)
        real = self._tree.locate(parent)
        source = self._tree.open(real)
        try:
            self.bytes += self._tree.have(source, real, target)
            os.link(target, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, PermissionError):  # the latter for a directory
            raise TarError(
                f"{entry.path[:200]!r}: is a link to {entry.link[:200]!r}, which no layer has"
            ) from None
        finally:
            os.close(source)

    def _symlink(self, entry: Entry, directory: int, name: str) -> None:
        os.symlink(entry.link, name, dir_fd=directory)
        self._dress_by_name(entry, directory, name)

    def _node(self, entry: Entry, directory: int, name: str) -> None:
        device = os.makedev(entry.major, entry.minor)
        os.mknod(name, _NODE_TYPES[entry.kind] | 0o600, device, dir_fd=directory)
        self._dress_by_name(entry, directory, name)
        os.chmod(f"/proc/self/fd/{directory}/{name}", entry.mode)

    def _dress_by_name(self, entry: Entry, directory: int, name: str) -> None:
        """As `_dress`, for what cannot be opened without acting on it."""
        os.chown(name, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
        for key, value in entry.xattrs.items():
            if not key.startswith(_FOREIGN_XATTRS):
                path = f"/proc/self/fd/{directory}/{name}"
                os.setxattr(path, key, value, follow_symlinks=False)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)


def _write(fd: int, piece: bytes) -> None:
    written = os.write(fd, piece)
    while written < len(piece):
        written += os.write(fd, memoryview(piece)[written:])
