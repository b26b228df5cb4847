"""Files that are replaced as a whole: a reader sees the old or the new, also after a crash."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR})
"""Of a file system that has no files without a name."""


def replace_file(path: str, data: bytes, *, mode: int = 0o600, alone: bool = False) -> None:
    """Give a file new content at once, and return when that is durable. Raises OSError.

    `alone` says that nobody else can be replacing it now; then what a kill has left is overwritten
    by the next one.
    """
    temporary = f"{path}.new" if alone else f"{path}.{secrets.token_hex(4)}.new"
    fresh = os.O_TRUNC if alone else os.O_EXCL
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | fresh | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
        os.rename(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    sync_directory(os.path.dirname(path))


@contextmanager
def replacing(directory: int, name: str) -> Iterator[int]:
    """A descriptor to write a new file by, which takes the place of `name` in the end.

    It is not durable then. Where the file system can, it has no name until it is whole, so a kill
    leaves nothing of it. Raises OSError, as where `name` is a directory.
    """
    temporary = f".{secrets.token_hex(8)}.new"
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=directory)
        has_name = False
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(temporary, flags, 0o600, dir_fd=directory)
        has_name = True
    try:
        yield fd
        if not has_name:
            os.link(f"/proc/self/fd/{fd}", temporary, dst_dir_fd=directory, follow_symlinks=True)
            has_name = True
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        if has_name:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
        raise
    finally:
        os.close(fd)


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
