"""Reading a small file of a root that is not mounted yet, bounded and without leaving it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from runtime.errors import StartError
from runtime.kernel import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

SIZE_LIMIT = 1024 * 1024
"""Bytes; an /etc/passwd beyond it is refused."""


def _read_bounded(fd: int, path: str) -> bytes | None:
    """The file's bytes; None for a whiteout, which hides the file of the layers below."""
    status = os.fstat(fd)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise StartError(f"read {path} of the container's root: not a regular file")
    data = os.read(fd, SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise StartError(f"read {path} of the container's root: larger than {SIZE_LIMIT} bytes")
    return data


def _open_in(directory: str, path: str) -> int:
    root = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Without O_NONBLOCK a fifo in the place of the file would block the supervisor for good.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        return openat2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(root)


def read_from_layers(layers: Sequence[str], path: str) -> bytes | None:
    """The file as the topmost of `layers` has it, or None where none has. Raises StartError.

    Links are followed inside their layer only.
    """
    for layer in layers:
        try:
            fd = _open_in(layer, path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise StartError(f"read {path} of {layer}: {error.strerror}") from error
        try:
            return _read_bounded(fd, path)
        finally:
            os.close(fd)
    return None
