"""What a container has used, and how the kernel's counter files spell it: pure parsing."""

from __future__ import annotations

from attrs import frozen


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
    pids_peak: int | None = None


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
