"""Reading a small file of a root that is not mounted yet, bounded and without leaving it.

What the layers hide from each other is hidden here too, in overlayfs's own terms: a whiteout is a
character device 0:0, an opaque directory has nothing of the directories below it.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Sequence

from runtime.errors import StartError
from runtime.images.lowers import is_opaque
from runtime.kernel import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

SIZE_LIMIT = 1024 * 1024
"""Bytes; an /etc/passwd beyond it is refused."""


def _find(directory: str, path: str) -> int:
    """A descriptor that only names the file: opening a fifo may block, a device may act."""
    root = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return openat2(root, path, os.O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(root)


def _read_bounded(fd: int, path: str) -> bytes | None:
    """The file's bytes; None for a whiteout."""
    status = os.fstat(fd)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise StartError(f"read {path} of the container's root: not a regular file")
    with open(f"/proc/self/fd/{fd}", "rb") as file:
        data = file.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise StartError(f"read {path} of the container's root: larger than {SIZE_LIMIT} bytes")
    return data


def _hides_lower(layer: str, path: str) -> bool:
    """Whether a directory on the way to `path`, which this layer lacks, ends the search."""
    parent = posixpath.dirname(path)
    while parent:
        try:
            fd = _find(layer, parent)
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            return True
        else:
            try:
                if not stat.S_ISDIR(os.fstat(fd).st_mode) or is_opaque(fd):
                    return True
            finally:
                os.close(fd)
        parent = posixpath.dirname(parent)
    return False


def _read_from(layer: str, path: str) -> tuple[bool, bytes | None]:
    """Whether the search ends in this layer, and the file if it is there."""
    try:
        fd = _find(layer, path)
    except (FileNotFoundError, NotADirectoryError):
        return _hides_lower(layer, path), None
    try:
        return True, _read_bounded(fd, path)
    finally:
        os.close(fd)


def read_from_layers(layers: Sequence[str], path: str) -> bytes | None:
    """The file as the topmost of `layers` has it, or None where none has. Raises StartError.

    `path` is relative. Links are followed inside their layer only.
    """
    for layer in layers:
        try:
            ended, content = _read_from(layer, path)
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise StartError(f"read {path} of {layer}: {cause}") from error
        if ended:
            return content
    return None
