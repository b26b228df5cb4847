"""The devices that the host has below its /dev, for containers that may use all of them.

Left out is what each container has of its own there: terminals, shared memory, message queues.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from attrs import frozen

_OWN = frozenset({"console", "fd", "hugepages", "mqueue", "ptmx", "pts", "shm"})


@frozen(kw_only=True)
class DeviceNode:
    """A device by the path that it has on the host; `mode` has its type and permissions."""

    path: str
    mode: int
    major: int
    minor: int


def host_devices(top: str = "/dev") -> tuple[DeviceNode, ...]:
    """All of them, by path. Links are not followed; what goes away meanwhile is left out."""
    return tuple(sorted(_below(top, _OWN), key=lambda node: node.path))


def _below(directory: str, hidden: frozenset[str] = frozenset()) -> Iterator[DeviceNode]:
    try:
        entries = [entry for entry in os.scandir(directory) if entry.name not in hidden]
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            number = status.st_rdev
            yield DeviceNode(
                path=entry.path,
                mode=status.st_mode,
                major=os.major(number),
                minor=os.minor(number),
            )
