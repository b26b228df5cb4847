"""The group of one container, on whichever hierarchies the machine offers.

Everything the kernel counts stays readable until `remove`, whatever became of the processes
and of the supervisor that made the group.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import trio

from runtime.cgroups.directory import Directory, remove_all
from runtime.cgroups.layout import UNIFIED
from runtime.cgroups.oom import OomWatch
from runtime.cgroups.settings import V1_CONTROLLERS, Resource
from runtime.cgroups.side import MemoryUse, Side
from runtime.cgroups.usage import Load, Usage
from runtime.cgroups.v1 import V1Side
from runtime.cgroups.v2 import V2Side
from runtime.errors import CgroupError

_PATIENCE = 10.0
"""Seconds that delete() gives killed processes to die; one in the middle of I/O may take them."""

_REMOVAL_PAUSES = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)


class Cgroup:
    """Made by `Cgroups`. `into_fd` and `attach_fds` are open from `create` until the launch.

    `into_fd` is the v2 directory for CLONE_INTO_CGROUP, or -1; through each of `attach_fds`
    the new process attaches itself to a v1 hierarchy by writing ``0``.
    """

    def __init__(self, name: str, v1: V1Side | None, v2: V2Side | None) -> None:
        self.name = name
        self.into_fd = -1
        self.attach_fds: tuple[int, ...] = ()
        self._v1 = v1
        self._v2 = v2
        sides: tuple[Side, ...] = tuple(side for side in (v1, v2) if side is not None)
        self._sides = sides
        # The v2 side follows processes better wherever it exists.
        self._life = sides[-1]
        self._memory = _side_with(sides, "memory")
        self._pids = _side_with(sides, "pids")
        self._io = _side_with(sides, "blkio") or _side_with(sides, "io")
        self._cpu: Side | None = v2 or _side_with(sides, "cpuacct")

    @property
    def paths(self) -> Mapping[str, str]:
        """Directories by hierarchy (``memory``, ``cpu,cpuacct``, ``unified``).

        Kept with the container's state, they let a supervisor that itself runs in another
        group find this one again.
        """
        return {
            label: directory.path
            for side in self._sides
            for label, directory in side.directories.items()
        }

    def directory_of(self, resource: Resource) -> Directory | None:
        """Where the group is limited in a resource; None where it is not counted in it."""
        if self._v1 is not None and self._v1.has(V1_CONTROLLERS[resource]):
            return self._v1.of(V1_CONTROLLERS[resource])
        if self._v2 is not None and self._v2.has(resource):
            return self._v2.directories[UNIFIED]
        return None

    def join(self, label: str, directory: Directory) -> None:
        """Have a directory in one more v1 hierarchy, which its processes have been moved into."""
        if self._v1 is None:
            self._v1 = V1Side({})
            self._sides = (self._v1, *self._sides)
        self._v1.join(label, directory)

    def gain(self, controllers: frozenset[str]) -> None:
        """Be counted by more controllers of v2, which have been enabled."""
        if self._v2 is not None:
            self._v2.gain(controllers)

    def open_launch_fds(self) -> None:
        """Open what a new process is put into the group with."""
        self.close_launch_fds()
        if self._v2 is not None:
            self.into_fd = self._v2.open_group()
        if self._v1 is not None:
            self.attach_fds = tuple(self._v1.open_tasks())

    def give_to(self, uid: int, gid: int) -> None:
        """Let a user rule the groups below the one that was delegated."""
        assert self._v2 is not None, "only v2 can be delegated"
        self._v2.give_to(uid, gid)

    def close_launch_fds(self) -> None:
        """Close the descriptors of the launch; harmless if that was done."""
        into, attach = self.into_fd, self.attach_fds
        self.into_fd, self.attach_fds = -1, ()
        for descriptor in (into, *attach):
            if descriptor >= 0:
                os.close(descriptor)

    def usage(self) -> Usage:
        """The kernel's counters now; CgroupGone if the group is not there any more."""
        memory = MemoryUse(current=0, peak=None) if self._memory is None else self._memory.memory()
        read, written = (None, None) if self._io is None else self._io.io_bytes()
        return Usage(
            cpu_seconds=0.0 if self._cpu is None else self._cpu.cpu_seconds(),
            memory_current=None if self._memory is None else memory.current,
            memory_peak=memory.peak,
            io_read=read,
            io_write=written,
            oom_kills=self.oom_kills(),
            oom_group_kills=0 if self._memory is None else self._memory.oom_group_kills(),
            own_limit_hits=None if self._memory is None else self._memory.own_limit_hits(),
            pids_peak=None if self._pids is None else self._pids.pids_peak(),
        )

    def load(self) -> Load:
        """What goes on in the group now; CgroupGone if it is not there any more."""
        usage = self.usage()
        memory = None if self._memory is None else self._memory.memory_load()
        pids, pids_limit = (None, None) if self._pids is None else self._pids.pids_load()
        working = None
        if memory is not None and usage.memory_current is not None:
            working = max(0, usage.memory_current - memory.droppable)
        return Load(
            usage=usage,
            memory_working=working,
            memory_limit=None if memory is None else memory.limit,
            pids=pids,
            pids_limit=pids_limit,
            pressure={} if self._v2 is None else self._v2.pressure(),
        )

    def oom_kills(self) -> int:
        """How many processes the kernel killed for want of memory."""
        return 0 if self._memory is None else self._memory.oom_kills()

    @property
    def counts_memory(self) -> bool:
        """Whether the memory controller is there for this group."""
        return self._memory is not None

    @property
    def kills_together(self) -> bool:
        """Whether the kernel kills all processes of this group where it kills one for memory."""
        return self._memory is not None and self._memory is self._v2

    def watch_oom(self) -> OomWatch:
        """Be told of kills from now on; compare `oom_kills` after each notice."""
        if self._memory is None:
            raise CgroupError(f"watch cgroup {self.name}: it has no memory controller")
        return self._memory.watch_oom()

    def members(self) -> list[int]:
        """Processes in the group and in groups made below it; none if it is gone."""
        return self._life.members()

    def kill(self) -> None:
        """SIGKILL every process; the group is of no more use for new ones."""
        self._life.kill()

    async def wait_empty(self) -> None:
        """Return once no process is left, or the group is gone."""
        await self._life.wait_empty()

    async def freeze(self) -> None:
        """Stop all processes where they are; if cancelled, they go on."""
        await self._life.freeze()

    def thaw(self) -> None:
        """Let frozen processes go on."""
        self._life.thaw()

    def is_frozen(self) -> bool:
        """Whether they were told to stop where they are."""
        return self._life.is_frozen()

    def remove(self) -> None:
        """Remove the group and what a container made below it; fine if it is gone."""
        self.close_launch_fds()
        remove_all(directory for side in self._sides for directory in side.directories.values())

    async def delete(self) -> None:
        """Kill, wait until all have died, and remove; bounded, and safe to repeat."""
        if self.members():
            self.kill()
            with trio.move_on_after(_PATIENCE):
                await self.wait_empty()
        for pause in _REMOVAL_PAUSES:
            try:
                self.remove()
            except CgroupError:
                await trio.sleep(pause)
            else:
                await trio.lowlevel.checkpoint()
                return
        self.remove()


def _side_with(sides: tuple[Side, ...], controller: str) -> Side | None:
    return next((side for side in sides if side.has(controller)), None)
