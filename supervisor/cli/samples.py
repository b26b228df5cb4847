"""What containers use: two samples of each, as Docker's columns and as documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from runtime.units import format_decimal, format_size
from supervisor.cli.table import Row

if TYPE_CHECKING:
    from runtime.cgroups import Load, Strained

COLUMNS = {
    "ID": "CONTAINER ID",
    "Name": "NAME",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
"""Docker's: the headings by the names that a template has for them."""
PRESSURES: Mapping[str, Strained] = {
    "CPU WAIT %": "cpu", "MEM WAIT %": "memory", "IO WAIT %": "io",
}  # fmt: skip
"""The percentage of the last 10 seconds in which something waited for it."""
UNCOUNTED = "--"
"""Docker's sign for what nobody counts, as nobody does of what does not run."""


@frozen(kw_only=True)
class Sample:
    """What a container did at one moment; `network` is bytes received and sent, if of its own."""

    container: str
    at: float
    load: Load
    network: tuple[int, int] | None

    def cpu_percent(self, before: Sample | None) -> float | None:
        """Of one processor, since the sample before."""
        if before is None or before.container != self.container or self.at <= before.at:
            return None
        used = self.load.usage.cpu_seconds - before.load.usage.cpu_seconds
        return 100 * used / (self.at - before.at)


@frozen(kw_only=True)
class Observed:
    """A container, called `word` by whoever asks, with its newest samples; None if it has none."""

    id: str
    name: str
    word: str
    now: Sample | None
    before: Sample | None
    host_memory: int
    """Bytes, which limit what nothing else does."""

    def fields(self) -> Mapping[str, str]:
        """All as texts, by Docker's names."""
        load = None if self.now is None else self.now.load
        used = None if load is None else load.memory_working
        limit = self._memory_limit()
        return {
            "Container": self.word,
            "ID": self.id,
            "Name": self.name,
            "CPUPerc": _percent(self._cpu_percent()),
            "MemUsage": f"{UNCOUNTED} / {UNCOUNTED}"
            if used is None
            else f"{format_size(used)} / {format_size(limit)}",
            "MemPerc": _percent(None if used is None else 100 * used / limit),
            "NetIO": _pair(None if self.now is None else self.now.network),
            "BlockIO": _pair(None if load is None else (load.usage.io_read, load.usage.io_write)),
            "PIDs": UNCOUNTED if load is None or load.pids is None else str(load.pids),
        }

    def row(self, strained: Sequence[Strained]) -> Row:
        """A line of the table, with the pressure on these at its end."""
        pressure = {} if self.now is None else self.now.load.pressure
        fields = self.fields()
        waits = (
            _percent(pressure[kind].some.avg10 if kind in pressure else None) for kind in strained
        )
        return (*(fields[name] for name in COLUMNS), *waits)

    def document(self) -> Mapping[str, Any]:
        """Docker's texts, and all as numbers: bytes and seconds, null where nobody counts."""
        percent = self._cpu_percent()
        return {
            **self.fields(),
            "job": self.name,
            "container": None if self.now is None else self.now.container,
            "cpu_percent": None if percent is None else round(percent, 2),
            **({} if self.now is None else _numbers(self.now)),
        }

    def _cpu_percent(self) -> float | None:
        return None if self.now is None else self.now.cpu_percent(self.before)

    def _memory_limit(self) -> int:
        limit = None if self.now is None else self.now.load.memory_limit
        return self.host_memory if limit is None else min(limit, self.host_memory)


def _numbers(now: Sample) -> Mapping[str, Any]:
    load = now.load
    received, sent = now.network or (None, None)
    return {
        "cpu_seconds": load.usage.cpu_seconds,
        "memory": load.memory_working,
        "memory_limit": load.memory_limit,
        "memory_current": load.usage.memory_current,
        "memory_peak": load.usage.memory_peak,
        "oom_kills": load.usage.oom_kills,
        "network_received": received,
        "network_sent": sent,
        "io_read": load.usage.io_read,
        "io_write": load.usage.io_write,
        "pids": load.pids,
        "pids_limit": load.pids_limit,
        "pids_peak": load.usage.pids_peak,
        "pressure": {kind: asdict(each) for kind, each in load.pressure.items()},
    }


def network_bytes(text: str) -> tuple[int, int]:
    """Bytes received and sent by way of all interfaces but the loopback, from ``/proc/net/dev``."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() != "lo":
            words = numbers.split()
            received += int(words[0])
            sent += int(words[8])
    return received, sent


def _pair(counted: tuple[int | None, int | None] | None) -> str:
    first, second = counted or (None, None)
    if first is None or second is None:
        return UNCOUNTED
    return f"{format_decimal(first)} / {format_decimal(second)}"


def _percent(value: float | None) -> str:
    return UNCOUNTED if value is None else f"{value:.2f}%"
