"""The v1 side of a group: a directory in each hierarchy whose controller it uses."""

from __future__ import annotations

import os
from collections.abc import Mapping

import trio

from runtime.cgroups.devicefilter import device_lines
from runtime.cgroups.directory import CgroupGone, Directory, cause
from runtime.cgroups.killing import kill_members
from runtime.cgroups.oom import OomWatch, V1OomWatch, v1_oom_kills
from runtime.cgroups.side import MemoryLoad, MemoryUse
from runtime.cgroups.usage import keyed, limit_of, v1_io_bytes
from runtime.errors import CgroupError
from runtime.limits import DeviceRule

_FIRST_LOOK, _LAST_LOOK = 0.001, 0.05
"""Seconds between looks where v1 offers no notice; each pause doubles up to the last."""

_NO_LIMIT = 1 << 62
"""From here on a limit on memory is none: the largest that there is depends on the page size."""


class V1Side:
    """`directories` by label (``memory``, ``cpu,cpuacct``): co-mounted controllers share one."""

    def __init__(self, directories: Mapping[str, Directory]) -> None:
        self.directories: dict[str, Directory] = {}
        self._by_controller: dict[str, Directory] = {}
        for label, directory in directories.items():
            self.join(label, directory)

    def has(self, controller: str) -> bool:
        return controller in self._by_controller

    def of(self, controller: str) -> Directory:
        """The directory in the hierarchy that has `controller`."""
        return self._by_controller[controller]

    def join(self, label: str, directory: Directory) -> None:
        """Have a directory in one more hierarchy."""
        self.directories[label] = directory
        self._by_controller.update(dict.fromkeys(label.split(","), directory))

    def limit_devices(self, rules: tuple[DeviceRule, ...]) -> None:
        """Deny all devices but `rules`, and check the list that the kernel shows then."""
        directory = self.of("devices")
        wanted = device_lines(rules)
        line = "a"
        try:
            directory.write("devices.deny", line)
            for line in wanted:
                directory.write("devices.allow", line)
        except OSError as error:
            raise CgroupError(
                f"devices: allow {line!r} in {directory.path}: {cause(error)}"
            ) from error
        shown = directory.read("devices.list").splitlines()
        if sorted(shown) != sorted(wanted):
            raise CgroupError(f"devices: {directory.path}/devices.list reads {shown}")

    def open_tasks(self) -> list[int]:
        """Descriptors through which a process attaches itself by writing ``0``.

        ``tasks`` moves the one thread that writes; ``cgroup.procs`` would take the lock that
        every fork and exit on the machine needs.
        """
        opened: list[int] = []
        try:
            for directory in self.directories.values():
                opened.append(directory.open("tasks", os.O_WRONLY))
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            raise CgroupError(f"open {directory.path}/tasks: {cause(error)}") from error
        return opened

    def memory(self) -> MemoryUse:
        directory = self.of("memory")
        return MemoryUse(
            current=directory.number("memory.usage_in_bytes"),
            peak=directory.number("memory.max_usage_in_bytes"),
        )

    def memory_load(self) -> MemoryLoad:
        counts = self.of("memory").read("memory.stat")
        limit = keyed(counts, "hierarchical_memory_limit")
        return MemoryLoad(
            droppable=keyed(counts, "total_inactive_file") or 0,
            limit=None if limit is None or limit >= _NO_LIMIT else limit,
        )

    def oom_kills(self) -> int:
        return v1_oom_kills(self.of("memory"))

    def oom_group_kills(self) -> int:
        return 0

    def own_limit_hits(self) -> int | None:
        return None

    def watch_oom(self) -> OomWatch:
        return V1OomWatch(self.of("memory"))

    def cpu_seconds(self) -> float:
        return self.of("cpuacct").number("cpuacct.usage") / 1e9

    def io_bytes(self) -> tuple[int, int]:
        return v1_io_bytes(self.of("blkio").read("blkio.throttle.io_service_bytes_recursive"))

    def pids_peak(self) -> int | None:
        peak = self.of("pids").read_if_there("pids.peak")
        return None if peak is None else int(peak)

    def pids_load(self) -> tuple[int, int | None]:
        pids = self.of("pids")
        return pids.number("pids.current"), limit_of(pids.read("pids.max"))

    def members(self) -> list[int]:
        return self._any().members()

    def kill(self) -> None:
        if self.has("pids"):
            # Nothing can be forked any more, so that one round reaches everybody.
            try:
                self.of("pids").write("pids.max", "0")
            except FileNotFoundError:
                return
            except OSError as error:
                raise CgroupError(
                    f"kill {self.of('pids').path}: write pids.max: {cause(error)}"
                ) from error
        kill_members(self.members)
        if self.has("freezer"):
            # A frozen process dies only once it is thawed.
            self.thaw()

    async def wait_empty(self) -> None:
        pause = _FIRST_LOOK
        await trio.lowlevel.checkpoint()
        while self.members():
            await trio.sleep(pause)
            pause = min(pause * 2, _LAST_LOOK)

    async def freeze(self) -> None:
        self._set_freezer("FROZEN")
        frozen = False
        try:
            pause = _FIRST_LOOK
            await trio.lowlevel.checkpoint()
            while self.of("freezer").read("freezer.state").strip() == "FREEZING":
                await trio.sleep(pause)
                pause = min(pause * 2, _LAST_LOOK)
            frozen = True
        finally:
            if not frozen:
                self.thaw()

    def thaw(self) -> None:
        self._set_freezer("THAWED")

    def is_frozen(self) -> bool:
        try:
            return self.has("freezer") and self.of("freezer").read("freezer.state") != "THAWED\n"
        except CgroupGone:
            return False

    def _set_freezer(self, state: str) -> None:
        if not self.has("freezer"):
            raise CgroupError(f"freeze {self._any().path}: it has no freezer controller")
        directory = self.of("freezer")
        try:
            directory.write("freezer.state", state)
        except FileNotFoundError as error:
            if state == "FROZEN":
                raise CgroupGone(f"freeze {directory.path}: {cause(error)}") from error
        except OSError as error:
            raise CgroupError(
                f"write {state} to {directory.path}/freezer.state: {cause(error)}"
            ) from error

    def _any(self) -> Directory:
        return next(iter(self.directories.values()))
