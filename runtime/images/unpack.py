"""Unpacks one layer into a directory that overlay can use as a lower one.

Nothing of an archive reaches outside of that directory: names are split into components, links on
the way to a file are resolved here against the layers (never by the kernel), the directory so found
is opened with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, and each file in it is made by its last
component with O_EXCL and O_NOFOLLOW or their like. What is there already is removed first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import closing

from runtime.errors import ImageError
from runtime.images.layerpath import meaning, split
from runtime.images.layertree import LayerTree
from runtime.images.members import Members, check_owner
from runtime.images.tarheader import DIRECTORY, HARD_LINK, Entry, TarError
from runtime.images.tarstream import TarStream, UnpackLimits

_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


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
            if error.errno == errno.ENOTSUP:
                cause += " (the file system does not keep such attributes)"
            raise ImageError(f"layer: unpack {entry.path[:200]!r}: {cause}") from error
        tree.finish()
    return unpacker.members.bytes


class _Unpacker:
    """Makes each member of an archive in a tree."""

    def __init__(self, stream: TarStream, tree: LayerTree, limits: UnpackLimits) -> None:
        self.members = Members(stream)
        self._tree = tree
        self._depth = limits.depth

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
        check_owner(entry)
        if entry.kind == DIRECTORY:
            self._finish_directory(entry, self._tree.make_directory(parent, name))
            return
        maker = self._hard_link if entry.kind == HARD_LINK else self.members.make
        directory = self._tree.enter(parent)
        try:
            maker(entry, directory, name)
        except FileExistsError:
            self._tree.clear(directory, name)
            maker(entry, directory, name)

    def _finish_directory(self, entry: Entry, real: str) -> None:
        fd = self._tree.open(real)
        try:
            self.members.dress(fd, entry)
        finally:
            os.close(fd)
        self._tree.times[real] = entry.mtime_ns

    def _hard_link(self, entry: Entry, directory: int, name: str) -> None:
        parent, target = split(entry.link, self._depth)
        real = self._tree.locate(parent)
        source = self._tree.open(real)
        try:
            self.members.bytes += self._tree.have(source, real, target)
            os.link(target, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, PermissionError):  # the latter for a directory
            raise TarError(
                f"{entry.path[:200]!r}: is a link to {entry.link[:200]!r}, which no layer has"
            ) from None
        finally:
            os.close(source)
