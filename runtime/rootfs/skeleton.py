"""The lowest layer of every overlay: what the runtime mounts on, where an image does not have it.

Without it those files and directories would be made in the container's writable layer, which
takes longer than all mounts together and would show in what the container is said to have changed.
It lies below the image, so whatever the image has wins.
"""

from __future__ import annotations

import os

_DIRECTORIES = ("dev", "etc", "proc", "sys")
_FILES = ("etc/hostname", "etc/hosts", "etc/resolv.conf")


def make_skeleton(path: str) -> None:
    """Make the layer, or complete one that was begun; the modes do not depend on the umask."""
    for name in ("", *_DIRECTORIES):
        os.makedirs(f"{path}/{name}", exist_ok=True)
        os.chmod(f"{path}/{name}", 0o755)
    for name in _FILES:
        fd = os.open(f"{path}/{name}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)
        os.fchmod(fd, 0o644)
        os.close(fd)
