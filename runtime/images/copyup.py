"""Copies of files: what a layer links to in one below it, and what a new volume begins with.

A copy has data, holes, owner, mode, times and attributes of the file; overlay's own marks stay
behind, since they speak of the layer that they are in. Nothing is followed on the way.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.images.lowers import OVERLAY_XATTRS

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def copy_file(source: str, target: str) -> os.stat_result:
    """Make the same file, which is no directory, at `target`; returns what it is like.

    Raises OSError.
    """
    status = os.stat(source, follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        _copy_data(source, target)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
    else:
        os.mknod(target, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev)
    dress_like(source, target, status)
    return status


def dress_like(source: str, target: str, status: os.stat_result) -> None:
    """Give a file owner, mode, attributes and times of another, of which this is the status.

    Attributes that the file system of `target` has no room for are left out. Raises OSError.
    """
    # The owner first: a change of it drops some of the others.
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(target, stat.S_IMODE(status.st_mode))
    _copy_attributes(source, target)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _copy_attributes(source: str, target: str) -> None:
    try:
        keys = os.listxattr(source, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return
    for key in keys:
        if key.startswith(OVERLAY_XATTRS):
            continue
        value = os.getxattr(source, key, follow_symlinks=False)
        try:
            os.setxattr(target, key, value, follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise


def _copy_data(source: str, target: str) -> None:
    old = os.open(source, _OLD)
    try:
        new = os.open(target, _NEW, 0o600)
        try:
            os.ftruncate(new, os.fstat(old).st_size)
            _copy_pieces(old, new)
        finally:
            os.close(new)
    finally:
        os.close(old)


def _copy_pieces(old: int, new: int) -> None:
    """Copy what lies between the holes."""
    end = 0
    while True:
        try:
            start = os.lseek(old, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # nothing but a hole up to the end
        end = os.lseek(old, start, os.SEEK_HOLE)
        os.lseek(new, start, os.SEEK_SET)
        while start < end:
            copied = _copy_piece(old, new, start, end - start)
            if copied == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            start += copied


def _copy_piece(old: int, new: int, start: int, size: int) -> int:
    """Copy from `start` to where the new file stands, within the file system where it can."""
    try:
        return os.copy_file_range(old, new, size, start)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.ENOTSUP):
            raise
        return os.sendfile(new, old, start, size)
