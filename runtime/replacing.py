"""Files that are replaced as a whole: a reader sees the old or the new, also after a crash."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress


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


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
