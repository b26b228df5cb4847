"""The protocol of the backends: one side, v1 or v2, of a container's group.

A group on pure v1 or pure v2 has one side that does everything. On a hybrid machine it has
both: processes are followed on the v2 side and each resource is limited and counted on the
side that has its controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from runtime.cgroups.directory import Directory
from runtime.cgroups.oom import OomWatch


@frozen(kw_only=True)
class MemoryUse:
    """Bytes in use now and at most so far; the peak is None where the kernel keeps none."""

    current: int
    peak: int | None


@frozen(kw_only=True)
class MemoryLoad:
    """Bytes of page cache that could be dropped at once, and the limit."""

    droppable: int
    limit: int | None


class Side(Protocol):
    """One side of one group. Counters may be asked for only of controllers it has."""

    @property
    def directories(self) -> Mapping[str, Directory]:
        """The directories by hierarchy label."""

    def has(self, controller: str) -> bool:
        """Whether the group is limited or counted by `controller` on this side."""

    def memory(self) -> MemoryUse: ...

    def memory_load(self) -> MemoryLoad: ...

    def oom_kills(self) -> int: ...

    def oom_group_kills(self) -> int: ...

    def own_limit_hits(self) -> int | None: ...

    def watch_oom(self) -> OomWatch: ...

    def cpu_seconds(self) -> float: ...

    def io_bytes(self) -> tuple[int, int]:
        """Bytes read and written."""

    def pids_peak(self) -> int | None: ...

    def pids_load(self) -> tuple[int, int | None]:
        """Tasks that there are and may be."""

    def members(self) -> list[int]:
        """Processes in the group and below it."""

    def kill(self) -> None:
        """Send SIGKILL to every member, also to those that are being forked meanwhile."""

    async def wait_empty(self) -> None:
        """Return once no process is in the group or below it, or the group is gone."""

    async def freeze(self) -> None:
        """Stop every member where it is; return once all have stopped."""

    def thaw(self) -> None:
        """Let them go on."""

    def is_frozen(self) -> bool:
        """Whether they were told to stop; not where the group is gone."""
