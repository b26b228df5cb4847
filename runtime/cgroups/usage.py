"""What a container has used, and how the kernel's counter files spell it: pure parsing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

Strained = Literal["cpu", "memory", "io"]
STRAINED: tuple[Strained, ...] = ("cpu", "memory", "io")
"""What the kernel tells the pressure on, where it does."""


@frozen(kw_only=True)
class Usage:
    """Counters of one container; None where no controller counts it for this container."""

    cpu_seconds: float
    memory_current: int | None = None
    """Bytes in use now, page cache included."""
    memory_peak: int | None = None
    io_read: int | None = None
    """Bytes read from block devices."""
    io_write: int | None = None
    oom_kills: int = 0
    oom_group_kills: int = 0
    """How often all processes were killed because of one; v1 never does."""
    own_limit_hits: int | None = None
    """How often its own limit left no way out, and not that of a group above or below it; None
    where the kernel does not tell.
    """
    pids_peak: int | None = None


@frozen(kw_only=True)
class Stall:
    """Percent of the last 10, 60 and 300 seconds that were spent waiting, and seconds in all."""

    avg10: float
    avg60: float
    avg300: float
    total: float


@frozen(kw_only=True)
class Pressure:
    """How long some, or all that had something to do (`full`), waited for a resource."""

    some: Stall
    full: Stall | None = None
    """None where the kernel does not tell."""


@frozen(kw_only=True)
class Load:
    """What a container does at this moment; None where no controller counts it."""

    usage: Usage
    memory_working: int | None
    """Bytes in use but for page cache that could be dropped at once."""
    memory_limit: int | None
    pids: int | None
    pids_limit: int | None
    pressure: Mapping[Strained, Pressure] = field(factory=dict)
    """Without what the kernel does not tell: v1, or a kernel that was started without."""


def parse_pressure(text: str) -> Pressure:
    """The two lines of a pressure file; older kernels have one for the processor."""
    found: dict[str, Stall] = {}
    for line in text.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.split("=") for pair in pairs)
        found[kind] = Stall(
            avg10=float(values["avg10"]),
            avg60=float(values["avg60"]),
            avg300=float(values["avg300"]),
            total=int(values["total"]) / 1e6,
        )
    return Pressure(some=found["some"], full=found.get("full"))


def limit_of(text: str) -> int | None:
    """The number in a limit file, or None for no limit."""
    return None if text.strip() == "max" else int(text)


def keyed(text: str, key: str) -> int | None:
    """The value of a ``key value`` line, as in ``memory.events``; None without that line."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return None


def v1_io_bytes(text: str) -> tuple[int, int]:
    """Bytes read and written, over all devices, from ``blkio.throttle.io_service_bytes``."""
    totals = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in totals:
            totals[words[1]] += int(words[2])
    return totals["Read"], totals["Write"]


def v2_io_bytes(text: str) -> tuple[int, int]:
    """Bytes read and written, over all devices, from ``io.stat``."""
    totals = {"rbytes": 0, "wbytes": 0}
    for word in text.split():
        key, _, value = word.partition("=")
        if key in totals:
            totals[key] += int(value)
    return totals["rbytes"], totals["wbytes"]
