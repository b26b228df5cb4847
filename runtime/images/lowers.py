"""Looking something up in unpacked layers as the kernel will show them, without a mount.

Paths are real ones: no component of them is a link. Nothing is followed, so nothing leads out.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from attrs import frozen

from runtime.usernamespace import owners_here

OVERLAY_XATTRS = ("trusted.overlay.", "user.overlay.")
"""What the names of overlay's own attributes begin with: in the first user namespace, in others."""

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Found:
    """A file of a layer, by the layer's directory and the path in it."""

    layer: str
    path: str
    status: os.stat_result

    @property
    def place(self) -> str:
        """Where it is on the host; real in a directory that only we write to."""
        return f"{self.layer}/{self.path}"


def overlay_xattr(name: str) -> str:
    """The whole name of an attribute of overlay, as it is read and written here."""
    return OVERLAY_XATTRS[0 if owners_here().all_there else 1] + name


def is_whiteout(status: os.stat_result) -> bool:
    """Whether overlay takes this file for the absence of one."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(fd: int) -> bool:
    """Whether this directory hides what is below it."""
    try:
        return os.getxattr(f"/proc/self/fd/{fd}", overlay_xattr("opaque")) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return False
        raise


def find(layers: Sequence[str], path: str) -> Found | None:
    """The topmost file at `path`, or None where the layers have none or have hidden it."""
    for layer in layers:
        status, hidden = _look(layer, path)
        if status is not None:
            return None if is_whiteout(status) else Found(layer, path, status)
        if hidden:
            return None
    return None


def merged(layers: Sequence[str], path: str) -> list[str]:
    """The layers whose directories at `path` show as one, topmost first; none where there is none.

    One of these directories that is opaque itself hides those of the layers behind it.
    """
    found = []
    for layer in layers:
        status, hidden = _look(layer, path)
        if status is not None:
            if not stat.S_ISDIR(status.st_mode):
                break
            found.append(layer)
        if hidden:
            break
    return found


def names(layers: Sequence[str], path: str) -> set[str]:
    """What the directory at `path` shows; nothing where there is none."""
    listed = {name for layer in merged(layers, path) for name in os.listdir(f"{layer}/{path}")}
    return {name for name in listed if find(layers, f"{path}/{name}") is not None}


def _look(layer: str, path: str) -> tuple[os.stat_result | None, bool]:
    """What one layer has there, and whether it hides what the layers below it have."""
    *parents, name = path.split("/")
    fd = os.open(layer, _DIRECTORY)
    try:
        hidden = is_opaque(fd)
        for parent in parents:
            try:
                inner = os.open(parent, _DIRECTORY, dir_fd=fd)
            except FileNotFoundError:
                return None, hidden
            except NotADirectoryError:  # a whiteout, or something that took the directory's place
                return None, True
            os.close(fd)
            fd = inner
            hidden = hidden or is_opaque(fd)
        try:
            return os.stat(name, dir_fd=fd, follow_symlinks=False) if name else os.fstat(fd), hidden
        except FileNotFoundError:
            return None, hidden
    finally:
        os.close(fd)
