"""Other limits for a group that is in use: all of them, or none.

What has been written is written back as it was where a later limit is refused. If the process is
killed on the way, some of the limits are the new ones; the next change writes them all again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from attrs import frozen

from runtime.cgroups.changes import v1_changes, v2_changes
from runtime.cgroups.directory import Directory, cause
from runtime.cgroups.division import Division
from runtime.cgroups.group import Cgroup
from runtime.cgroups.settings import V1_CONTROLLERS, Resource, Setting, Surroundings
from runtime.cgroups.v1 import V1Side
from runtime.errors import CgroupError
from runtime.limits import Limits
from runtime.units import format_size


def require_room(group: Cgroup, limits: Limits) -> None:
    """Refuse a limit on memory that would have the kernel kill for it at once.

    v1 itself refuses what it cannot free, v2 does not.
    """
    load = group.load()
    used, before, wanted = load.memory_working, load.memory_limit, limits.memory
    if wanted is None or used is None or (before is not None and wanted >= before):
        return
    if used > wanted:
        raise CgroupError(
            f"memory: {format_size(wanted)} are less than the {format_size(used)} in use"
        )


@frozen(kw_only=True)
class Revision:
    """Other limits for a group, and where they are to be kept."""

    group: Cgroup
    fresh: V1Side
    """Hierarchies that the group is just about to join."""
    division: Division
    limits: Limits
    around: Surroundings

    def write(self, undo: ExitStack) -> None:
        """Write every limit, and let `undo` write back what was there. Raises CgroupError."""
        for resource in self.division.on_v1:
            directory = self._place(resource)
            memory = directory.number("memory.limit_in_bytes") if resource == "memory" else 0
            _write(directory, v1_changes(resource, self.limits, self.around, memory), undo)
        for resource in self.division.on_v2:
            directory = self._place(resource)
            _write(directory, v2_changes(resource, self.limits, self.around), undo)

    def _place(self, resource: Resource) -> Directory:
        controller = V1_CONTROLLERS[resource]
        if self.fresh.has(controller):
            return self.fresh.of(controller)
        found = self.group.directory_of(resource)
        if found is None:
            raise CgroupError(f"{resource}: cgroup {self.group.name} is not counted in it")
        return found


def _write(directory: Directory, settings: Sequence[Setting], undo: ExitStack) -> None:
    for setting in settings:
        before = directory.read_if_there(setting.file)
        if before is not None:
            undo.callback(_write_back, directory, setting, before)
        directory.apply(setting)


def _write_back(directory: Directory, setting: Setting, before: str) -> None:
    try:
        directory.write(setting.file, before.strip() or "\n")  # v2's cpuset may be empty
    except OSError as error:
        raise CgroupError(
            f"{setting.field}: write {before.strip()!r} back to"
            f" {directory.path}/{setting.file}: {cause(error)}"
        ) from error
