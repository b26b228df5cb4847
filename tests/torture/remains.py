"""What a supervisor and its containers have left on the machine, told apart from all others'.

Everything that belongs to one run of a test has its directory or its project's name in it, and
its processes come to this one when their parents die. A process that is gone has left no
namespace behind: those of containers are not attached anywhere.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.leaks import cgroup_mounts, mounts

_SUBREAPER = 36


@contextmanager
def being_reaper() -> Iterator[None]:
    """Be whom the processes come to whose parents have died, as PID 1 of the machine is."""
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


def _set_subreaper(value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "become a subreaper")


def children() -> list[int]:
    """The processes whose parent is the one thread of this process."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(word) for word in found.split()]


def left_behind(top: Path, project: str) -> Iterator[str]:
    """Say what is there of a supervisor with its directories ``r`` and ``s`` below `top`."""
    for directory in (top / "r/containers", top / "s/containers"):
        if directory.exists():
            yield from (f"left: {path}" for path in directory.iterdir())
    for path in (top / "s/volumes").glob("[!.]*"):
        yield f"left: {path}"
    for path in (top / "r").rglob("*"):
        if path.is_fifo() or path.is_socket():
            yield f"left: {path}"
    for mount in cgroup_mounts():
        # Not by glob(), which fails where others remove groups meanwhile.
        for parent, names, _ in os.walk(mount.point):
            yield from (f"left: {parent}/{name}" for name in names if name.startswith(project))
    for mount in mounts():
        if top in mount.point.parents:
            yield f"left mounted: {mount.point}"
    for pid in children():
        with suppress(FileNotFoundError):
            yield f"left running: {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            target = os.readlink(f"/proc/self/fd/{number}")
            if target.startswith(f"{top}/"):
                yield f"left open: {target}"
