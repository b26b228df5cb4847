"""Writes trees as tar archives, piece by piece, also while others change them.

No link is followed, and no name is looked up twice: each file is first held by a descriptor that
only names it, and everything is asked of that. So nothing outside of the tree is read. What
vanishes meanwhile is left out, what shrinks is filled up with zeros: the archive is well-formed.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Iterator

from attrs import define, field

from runtime.images.compression import PIECE
from runtime.images.lowers import OVERLAY_XATTRS
from runtime.images.ownernote import NOTE_XATTR, read_note
from runtime.images.tarheader import BLOCK
from runtime.kernel import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from runtime.usernamespace import owners_here

END = bytes(2 * BLOCK)
"""Ends an archive."""
_NAMED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


def pack(top: int, name: str) -> Iterator[bytes]:
    """An archive of a file, or of a directory and all that is in it, called `name` in there.

    Without a name a directory is only what its contents lie in. Raises OSError.
    """
    packer = Packer()
    for path, node in walk(top):
        yield from packer.member(node, os.path.join(name, path).removesuffix("/") or ".")
    yield END


def walk(top: int) -> Iterator[tuple[str, int]]:
    """(path, descriptor that names it) of a file and of everything below it.

    A directory comes before what is in it, and the order depends on names only. A descriptor is
    lent until the next one is asked for.
    """
    yield "", top
    waiting = [""] if stat.S_ISDIR(os.fstat(top).st_mode) else []
    while waiting:
        directory = waiting.pop()
        below = []
        fd = _opened(top, directory)
        if fd is None:
            continue
        try:
            for name in sorted(os.listdir(fd)):
                try:
                    node = os.open(name, _NAMED, dir_fd=fd)
                except FileNotFoundError:
                    continue
                path = os.path.join(directory, name)
                try:
                    yield path, node
                    if stat.S_ISDIR(os.fstat(node).st_mode):
                        below.append(path)
                finally:
                    os.close(node)
        finally:
            os.close(fd)
        waiting += reversed(below)


def _opened(top: int, path: str) -> int | None:
    """A directory below another one; None where it has gone."""
    flags, resolve = os.O_RDONLY | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
    try:
        return openat2(top, path or ".", flags, resolve)
    except OSError as error:
        if path and error.errno in _GONE:
            return None
        raise OSError(error.errno, error.strerror, path) from error


@define(eq=False)
class Packer:
    """Makes members of one archive, hard links between them included."""

    _first_names: dict[tuple[int, int], str] = field(factory=dict, init=False)

    def member(self, node: int, shown: str) -> Iterator[bytes]:
        """The file that a descriptor names, under a name. Nothing of a socket. Raises OSError."""
        status = os.fstat(node)
        if stat.S_ISSOCK(status.st_mode):
            return  # it means nothing without the process that listens
        try:
            info = _header(node, shown, status)
            if status.st_nlink > 1 and not info.isdir():
                first = self._first_names.setdefault((status.st_dev, status.st_ino), shown)
                if first != shown:
                    info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
            yield info.tobuf(tarfile.PAX_FORMAT)
            if info.isreg():
                yield from _content(node, info.size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, shown) from error


def mark(name: str) -> bytes:
    """An empty file whose name says what it does; its own owner and time mean nothing."""
    return tarfile.TarInfo(name).tobuf(tarfile.PAX_FORMAT)


def xattrs(node: int) -> dict[str, bytes]:
    """The attributes of the file that a descriptor names, a link included."""
    place = f"/proc/self/fd/{node}"
    try:
        return {key: os.getxattr(place, key) for key in os.listxattr(place)}
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return {}


def _header(node: int, shown: str, status: os.stat_result) -> tarfile.TarInfo:
    info = tarfile.TarInfo(shown)
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid = status.st_uid, status.st_gid
    seconds, fraction = divmod(status.st_mtime_ns, 10**9)
    info.mtime = seconds
    records: dict[str, str] = {}
    if fraction:
        exact = f"{'-' if status.st_mtime_ns < 0 else ''}%d.%09d"
        records["mtime"] = exact % divmod(abs(status.st_mtime_ns), 10**9)
    info.type = _TYPES[stat.S_IFMT(status.st_mode)]
    if info.isreg():
        info.size = status.st_size
    elif info.issym():
        info.linkname = os.readlink("", dir_fd=node)
    elif info.isdev() and not info.isfifo():
        info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    attributes = xattrs(node)
    if not owners_here().all_there and (note := attributes.pop(NOTE_XATTR, None)) is not None:
        info.uid, info.gid = read_note(note, info.uid, info.gid)
    for key, value in attributes.items():
        if not key.startswith(OVERLAY_XATTRS):
            records[f"SCHILY.xattr.{key}"] = value.decode("utf-8", "surrogateescape")
    info.pax_headers = records
    return info


def _content(node: int, size: int) -> Iterator[bytes]:
    """As many bytes as the header says, and what fills the last block."""
    fd = os.open(f"/proc/self/fd/{node}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        left = size
        while left and (piece := os.read(fd, min(left, PIECE))):
            left -= len(piece)
            yield piece
    finally:
        os.close(fd)
    while left:
        piece = bytes(min(left, PIECE))
        left -= len(piece)
        yield piece
    yield bytes(-size % BLOCK)
