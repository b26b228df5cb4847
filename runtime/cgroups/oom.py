"""Being told of out-of-memory kills in one container.

A watch only says that it is worth looking: the kernel's count of `oom_kill` decides, and it
is read once more before a group is removed. So a missed or a spurious notice changes nothing
but the time at which somebody hears of a kill.
"""

from __future__ import annotations

import os
from typing import Protocol

import trio

from runtime.cgroups.directory import CgroupGone, Directory, cause
from runtime.cgroups.usage import keyed
from runtime.errors import CgroupError

_LOOKS = (0.001, 0.004, 0.016, 0.064)
"""Seconds between looks at the count after a v1 notice."""


class OomWatch(Protocol):
    """What `Cgroup.watch_oom` hands out."""

    async def wait(self) -> None:
        """Return after at least one notice since the last return.

        Removal of the group may count as a notice, once.
        """

    def close(self) -> None:
        """Stop watching; who waits gets trio.ClosedResourceError."""


def v1_oom_kills(memory: Directory) -> int:
    """Kills in the group and below: on v1 each group counts only its own."""
    total = keyed(memory.read("memory.oom_control"), "oom_kill") or 0
    for place in memory.subgroups():
        total += keyed(place.read_if_there("memory.oom_control") or "", "oom_kill") or 0
    return total


class V1OomWatch:
    """An eventfd that the v1 memory controller signals whenever the group is out of memory."""

    def __init__(self, memory: Directory) -> None:
        self._memory = memory
        self._seen = v1_oom_kills(memory)
        self._waiting = False
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = memory.open("memory.oom_control", os.O_RDONLY)
            try:
                memory.write("cgroup.event_control", f"{self._event} {control}")
            finally:
                os.close(control)
        except OSError as error:
            self.close()
            raise CgroupError(f"watch {memory.path}/memory.oom_control: {cause(error)}") from error

    async def wait(self) -> None:
        if self._event < 0:
            raise trio.ClosedResourceError("this watch is closed")
        self._waiting = True
        try:
            await trio.lowlevel.wait_readable(self._event)
        finally:
            self._waiting = False
        os.eventfd_read(self._event)
        await self._settle()

    async def _settle(self) -> None:
        """Let the count catch up: v1 gives notice just before it picks whom to kill."""
        for pause in _LOOKS:
            try:
                count = v1_oom_kills(self._memory)
            except CgroupGone:
                return
            if count != self._seen:
                self._seen = count
                return
            await trio.sleep(pause)

    def close(self) -> None:
        if self._event >= 0:
            if self._waiting:
                trio.lowlevel.notify_closing(self._event)
            os.close(self._event)
            self._event = -1
