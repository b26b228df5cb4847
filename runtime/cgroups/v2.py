"""The v2 side of a group: one directory, with the controllers that are enabled for it.

Kill, freeze, the populated state, processor time and device filters need no controller, so
on a hybrid machine this side has them while the limits are kept on the v1 side.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Mapping

import trio

from runtime.cgroups.deviceprograms import attach
from runtime.cgroups.directory import CgroupGone, Directory, cause
from runtime.cgroups.killing import kill_members
from runtime.cgroups.layout import UNIFIED
from runtime.cgroups.notices import Notices
from runtime.cgroups.oom import OomWatch
from runtime.cgroups.side import MemoryLoad, MemoryUse
from runtime.cgroups.usage import (
    STRAINED,
    Pressure,
    Strained,
    keyed,
    limit_of,
    parse_pressure,
    v2_io_bytes,
)
from runtime.errors import CgroupError

_FIRST_LOOKS = (0.0005, 0.001, 0.002, 0.004, 0.008)
"""Seconds of the first waits for a notice: the kernel holds back one that follows another
within 10 ms, which a container that was just started or killed would have to sit out."""


_PAYLOAD = "payload"
_DELEGATED = frozenset({"cpu", "cpuset", "io", "memory", "pids"})
_GIVEN = (".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control")
"""What a group's ruler writes to, and nothing that limits the group itself."""
_MOST_NESTED = 4096
"""Groups that a container may make: each costs kernel memory that nobody is charged for."""


def delegable(available: frozenset[str]) -> frozenset[str]:
    """The controllers that a container with groups of its own may share out among them."""
    return available & _DELEGATED


class V2Side:
    """`controllers` are those enabled for this group."""

    def __init__(self, directory: Directory, controllers: frozenset[str], notices: Notices) -> None:
        self.directories: Mapping[str, Directory] = {UNIFIED: directory}
        self._directory = directory
        self._controllers = controllers
        self._notices = notices
        self._payload = Directory(f"{directory.path}/{_PAYLOAD}")
        self._is_delegated: bool | None = None

    def has(self, controller: str) -> bool:
        return controller in self._controllers

    def gain(self, controllers: frozenset[str]) -> None:
        """Know of controllers that have been enabled for this group since."""
        self._controllers |= controllers

    def delegate(self) -> None:
        """Make the group that the container rules, below this one.

        The limits stay out of its sight, and so out of its reach also where the hierarchy is
        mounted without nsdelegate.
        """
        try:
            self._directory.write("cgroup.max.descendants", str(_MOST_NESTED + 1))
            shared = sorted(delegable(self._controllers))
            self._directory.write("cgroup.subtree_control", " ".join(f"+{each}" for each in shared))
            os.mkdir(self._payload.path, 0o755)
        except OSError as error:
            raise CgroupError(f"delegate {self._directory.path}: {cause(error)}") from error
        self._is_delegated = True

    def give_to(self, uid: int, gid: int) -> None:
        """Let a user rule the delegated group."""
        try:
            for file in _GIVEN:
                os.chown(f"{self._payload.path}/{file}", uid, gid)
        except OSError as error:
            raise CgroupError(
                f"give {self._payload.path}/{file} to user {uid}: {cause(error)}"
            ) from error

    def open_group(self) -> int:
        """A descriptor for CLONE_INTO_CGROUP."""
        home = self._home()
        try:
            return home.open(".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CgroupError(f"open {home.path}: {cause(error)}") from error

    def _home(self) -> Directory:
        """Where a new process can live: not in a group that shares controllers out to others."""
        if self._is_delegated is None:
            self._is_delegated = self._payload.exists()
        if not self._is_delegated:
            return self._directory
        for place in (self._payload, *self._payload.subgroups()):
            shared = place.read_if_there("cgroup.subtree_control")
            if shared is not None and not shared.strip():
                return place
        return self._payload

    def limit_devices(self, program: int, group: int) -> None:
        """Put a device filter in force on `group`, the descriptor of this side."""
        try:
            shown = attach(program, group)
        except OSError as error:
            raise CgroupError(
                f"devices: attach the filter to {self._directory.path}: {cause(error)}"
            ) from error
        if not shown:
            raise CgroupError(f"devices: {self._directory.path} does not show the filter")

    def memory(self) -> MemoryUse:
        current = self._directory.number("memory.current")
        peak = self._directory.read_if_there("memory.peak")
        return MemoryUse(current=current, peak=None if peak is None else int(peak))

    def memory_load(self) -> MemoryLoad:
        return MemoryLoad(
            droppable=keyed(self._directory.read("memory.stat"), "inactive_file") or 0,
            limit=limit_of(self._directory.read("memory.max")),
        )

    def oom_kills(self) -> int:
        return keyed(self._directory.read("memory.events"), "oom_kill") or 0

    def oom_group_kills(self) -> int:
        # Unknown to kernels before 5.17.
        return keyed(self._directory.read("memory.events"), "oom_group_kill") or 0

    def own_limit_hits(self) -> int | None:
        local = self._directory.read_if_there("memory.events.local")
        return None if local is None else keyed(local, "oom")

    def watch_oom(self) -> OomWatch:
        return self._notices.watch(f"{self._directory.path}/memory.events")

    def cpu_seconds(self) -> float:
        return (keyed(self._directory.read("cpu.stat"), "usage_usec") or 0) / 1e6

    def io_bytes(self) -> tuple[int, int]:
        return v2_io_bytes(self._directory.read("io.stat"))

    def pids_peak(self) -> int | None:
        peak = self._directory.read_if_there("pids.peak")
        return None if peak is None else int(peak)

    def pids_load(self) -> tuple[int, int | None]:
        return self._directory.number("pids.current"), limit_of(self._directory.read("pids.max"))

    def pressure(self) -> Mapping[Strained, Pressure]:
        """How scarce the processor, memory and devices are; needs no controller."""
        found: dict[Strained, Pressure] = {}
        for kind in STRAINED:
            text = self._directory.read_if_there(f"{kind}.pressure")
            if text:
                found[kind] = parse_pressure(text)
        return found

    def members(self) -> list[int]:
        return self._directory.members()

    def kill(self) -> None:
        try:
            self._directory.write("cgroup.kill", "1")
        except FileNotFoundError:
            # Before Linux 5.14, or the group is gone and lists nobody.
            kill_members(self.members)
        except OSError as error:
            raise CgroupError(f"kill {self._directory.path}: {cause(error)}") from error

    async def wait_empty(self) -> None:
        await self._until(lambda events: keyed(events, "populated") == 0)

    async def freeze(self) -> None:
        self._set_frozen("1")
        frozen = False
        try:
            await self._until(lambda events: keyed(events, "frozen") == 1)
            frozen = True
        finally:
            if not frozen:
                self.thaw()

    def thaw(self) -> None:
        self._set_frozen("0")

    def is_frozen(self) -> bool:
        try:
            return self._directory.read("cgroup.freeze").strip() == "1"
        except CgroupGone:
            return False

    def _set_frozen(self, value: str) -> None:
        try:
            self._directory.write("cgroup.freeze", value)
        except FileNotFoundError as error:
            if value == "1":
                raise CgroupGone(f"freeze {self._directory.path}: {cause(error)}") from error
        except OSError as error:
            raise CgroupError(
                f"write {value} to {self._directory.path}/cgroup.freeze: {cause(error)}"
            ) from error

    async def _until(self, reached: Callable[[str], bool]) -> None:
        """Wait until the group's events show what is wanted, or the group is gone."""
        await trio.lowlevel.checkpoint()
        if self._reached(reached):
            return
        try:
            notice = self._notices.watch(f"{self._directory.path}/cgroup.events")
        except CgroupGone:
            return
        try:
            for pause in itertools.chain(_FIRST_LOOKS, itertools.repeat(math.inf)):
                if self._reached(reached):
                    return
                with trio.move_on_after(pause):
                    await notice.wait()
        finally:
            notice.close()

    def _reached(self, reached: Callable[[str], bool]) -> bool:
        events = self._directory.read_if_there("cgroup.events")
        return events is None or reached(events)
