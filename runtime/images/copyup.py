"""A file of the layers below, copied into the layer that is being unpacked.

Overlay knows no link from one layer into another, so who links to a file below links to its copy:
with data, holes, owner, mode, times and attributes. Nothing is followed on the way.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.images.lowers import Found

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_up(found: Found, directory: int, name: str) -> None:
    """Make the same file, which is no directory, as `name` in an open directory. Raises OSError."""
    status = found.status
    path = f"/proc/self/fd/{directory}/{name}"
    if stat.S_ISREG(status.st_mode):
        _copy_data(found.place, directory, name)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(found.place), name, dir_fd=directory)
    else:
        kind = stat.S_IFMT(status.st_mode)
        os.mknod(name, kind | 0o600, status.st_rdev, dir_fd=directory)
    os.chown(name, status.st_uid, status.st_gid, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(path, stat.S_IMODE(status.st_mode))
    for key in os.listxattr(found.place, follow_symlinks=False):
        value = os.getxattr(found.place, key, follow_symlinks=False)
        os.setxattr(path, key, value, follow_symlinks=False)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)


def _copy_data(place: str, directory: int, name: str) -> None:
    source = os.open(place, _OLD)
    try:
        target = os.open(name, _NEW, 0o600, dir_fd=directory)
        try:
            os.ftruncate(target, os.fstat(source).st_size)
            _copy_pieces(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_pieces(source: int, target: int) -> None:
    """Copy what lies between the holes."""
    end = 0
    while True:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # nothing but a hole up to the end
        end = os.lseek(source, start, os.SEEK_HOLE)
        while start < end:
            copied = os.copy_file_range(source, target, end - start, start, start)
            if copied == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            start += copied
