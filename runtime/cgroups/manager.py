"""The part of the cgroup trees that the project owns: where containers' groups are made.

A group is complete when `create` returns it: in every hierarchy it needs, with each limit
written and read back. Whatever fails on the way takes with it what was made so far. If the
process is killed in between, `existing` still finds the group by its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import re
import stat
from collections.abc import Mapping

from runtime.cgroups.changes import changeable
from runtime.cgroups.deviceprograms import DevicePrograms
from runtime.cgroups.directory import CgroupGone, Directory, cause, remove_all
from runtime.cgroups.division import Division, absent_defaults, divide
from runtime.cgroups.group import Cgroup
from runtime.cgroups.layout import UNIFIED, Hierarchy, Layout, detect_layout, subtree_base
from runtime.cgroups.notices import Notices
from runtime.cgroups.parents import Parent, V1CpusetParent, V2Parent
from runtime.cgroups.revising import Revision, require_room
from runtime.cgroups.settings import V1_CONTROLLERS, V1_SETTINGS, V2_SETTINGS, Surroundings
from runtime.cgroups.v1 import V1Side
from runtime.cgroups.v2 import V2Side, delegable
from runtime.errors import CgroupError
from runtime.limits import Limits

PARENT = "pocker"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_DELEGATION = ("user.delegate", "trusted.delegate")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NO_BPF = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL)


class Cgroups:
    """All containers' groups of this process's installation; makes nothing until `create`."""

    def __init__(self, layout: Layout, *, parent: str = PARENT, base: str | None = None) -> None:
        self.layout = layout
        self._parent = parent
        self._notices = Notices()
        self._programs = DevicePrograms()
        self._v1: dict[str, Parent] = {}
        for hierarchy in layout.v1:
            kind = V1CpusetParent if "cpuset" in hierarchy.controllers else Parent
            self._v1[hierarchy.label] = kind(hierarchy.mount_point + hierarchy.own, parent)
        self._v2: V2Parent | None = None
        self._adopted: dict[str, Parent] = {}
        if layout.v2 is not None:
            mount = layout.v2.mount_point
            if base is None:
                base = subtree_base(layout.v2.own, lambda group: _is_delegated(mount, group))
                delegated = _is_delegated(mount, base)
            else:
                base = _given_base(layout.v2, base)
                delegated = True
            self._v2 = V2Parent(mount + base, parent, delegated=delegated)
        elif base is not None:
            raise CgroupError(f"use cgroup {base}: no cgroup v2 is mounted")

    @classmethod
    def open(cls, *, parent: str = PARENT, base: str | None = None) -> Cgroups:
        """Detect the hierarchies of this process; `parent` names the project's group in each.

        On v2 it goes into the delegated group `base`, whose path is absolute from the mount's
        root or relative to this process's own group; made if it is not there.
        """
        try:
            with open("/proc/self/mountinfo") as mounts, open("/proc/self/cgroup") as own:
                layout = detect_layout(mounts.read(), own.read())
        except OSError as error:
            raise CgroupError(f"detect cgroups: read {error.filename}: {cause(error)}") from error
        return cls(layout, parent=parent, base=base)

    def absent_defaults(self) -> dict[str, str]:
        """The controllers that containers do without on this machine, each with the reason."""
        return absent_defaults(self.layout, self._v2_controllers())

    def controllers(self) -> frozenset[str]:
        """All that containers may be limited by, with their names on v2."""
        mounted = {controller for one in self.layout.v1 for controller in one.controllers}
        on_v1 = {resource for resource, name in V1_CONTROLLERS.items() if name in mounted}
        return self._v2_controllers() | on_v1

    def counts_swap(self) -> bool:
        """Whether the memory controller counts swap; on v1 the kernel is told so when it boots."""
        memory = self.layout.v1_of("memory")
        if memory is None:
            return "memory" in self._v2_controllers()
        place = Directory(f"{memory.mount_point}{memory.own}")
        return place.read_if_there("memory.memsw.limit_in_bytes") is not None

    def _v2_controllers(self) -> frozenset[str]:
        return frozenset() if self._v2 is None else self._v2.available()

    def create(self, name: str, limits: Limits, *, delegated: bool = False) -> Cgroup:
        """Make a group with `limits` in force and its launch descriptors open.

        A `delegated` one may be divided further by the container itself.
        """
        _check_name(name)
        if delegated:
            self._require_pure_v2()
        program = self._device_program(limits)
        division = divide(
            limits,
            self.layout,
            self._v2_controllers(),
            devices_on_v1=program is None,
        )
        around = self._surroundings(limits, division)
        with contextlib.ExitStack() as undo:
            made: dict[str, Directory] = {}
            undo.callback(lambda: remove_all(made.values()))
            v1, v2 = self._make(name, division, made, delegated=delegated)
            if v1 is not None:
                for resource in division.on_v1:
                    directory = v1.of(V1_CONTROLLERS[resource])
                    for setting in V1_SETTINGS[resource](limits, around):
                        directory.apply(setting)
                if limits.devices is not None and program is None:
                    v1.limit_devices(limits.devices)
            for resource in division.on_v2:
                for setting in V2_SETTINGS[resource](limits, around):
                    made[UNIFIED].apply(setting)
            group = Cgroup(name, v1, v2)
            undo.callback(group.close_launch_fds)
            group.open_launch_fds()
            if v2 is not None and program is not None:
                v2.limit_devices(program, group.into_fd)
            undo.pop_all()
        return group

    def limit(self, group: Cgroup, limits: Limits) -> None:
        """Let a group in use have other limits, as far as they can be changed, or keep its own.

        Raises CgroupError, and then nothing has changed.
        """
        wanted = changeable(limits)
        division = divide(wanted, self.layout, self._v2_controllers(), devices_on_v1=False)
        around = self._surroundings(wanted, division)
        require_room(group, wanted)
        if self._v2 is not None:
            self._v2.enable(frozenset(division.on_v2))
            group.gain(frozenset(division.on_v2))
        fresh = V1Side({})
        with contextlib.ExitStack() as undo:
            undo.callback(lambda: remove_all(fresh.directories.values()))
            for label in division.labels:
                if label not in group.paths:
                    fresh.join(label, self._v1[label].make(group.name))
            Revision(
                group=group, fresh=fresh, division=division, limits=wanted, around=around
            ).write(undo)
            for label, directory in fresh.directories.items():
                undo.callback(self._v1[label].take_back, directory)
                directory.take(group.members)
            undo.pop_all()
        for label, directory in fresh.directories.items():
            group.join(label, directory)

    def existing(self) -> list[str]:
        """Names of the groups that exist, complete or not, in any hierarchy."""
        names: set[str] = set()
        for parent in self._parents():
            names.update(parent.names())
        return sorted(names)

    def open_existing(self, name: str, paths: Mapping[str, str] | None = None) -> Cgroup:
        """Take over a group that another supervisor made.

        `paths` is what `Cgroup.paths` said then; without it, or for what it leaves out, the
        group is looked for where this supervisor would make it.
        """
        _check_name(name)
        found = {
            label: directory
            for label, directory in self._places(name, paths or {}).items()
            if directory.exists()
        }
        if not found:
            raise CgroupGone(f"open cgroup {name}: it is in none of the hierarchies")
        unified = found.pop(UNIFIED, None)
        v2: V2Side | None = None
        if unified is not None:
            controllers = frozenset(unified.read("cgroup.controllers").split())
            v2 = V2Side(unified, controllers, self._notices)
        return Cgroup(name, V1Side(found) if found else None, v2)

    def remove_parent_if_empty(self) -> None:
        """Remove the project's own groups where no container is left in them."""
        for parent in self._parents():
            parent.remove_if_empty()

    def close(self) -> None:
        """Close all descriptors; groups stay as they are."""
        self._notices.close()
        self._programs.close()
        for parent in self._parents():
            parent.close()

    def _make(
        self, name: str, division: Division, made: dict[str, Directory], *, delegated: bool
    ) -> tuple[V1Side | None, V2Side | None]:
        """Make the directories, noting each in `made` as soon as it exists."""
        for label in division.labels:
            made[label] = self._v1[label].make(name)
        v1 = V1Side(dict(made)) if made else None
        if self._v2 is None:
            return v1, None
        enabled: frozenset[str] = frozenset(division.on_v2)
        if delegated:
            enabled |= delegable(self._v2_controllers())
        made[UNIFIED] = self._v2.make_with(name, enabled)
        v2 = V2Side(made[UNIFIED], enabled, self._notices)
        if delegated:
            v2.delegate()
        return v1, v2

    def _require_pure_v2(self) -> None:
        if self.layout.kind != "v2":
            mounted = ", ".join(hierarchy.label for hierarchy in self.layout.v1)
            raise CgroupError(
                f"cgroup: groups of its own need pure cgroup v2, and here {mounted} are mounted as"
                " v1, where whoever may write can leave the container"
            )

    def _device_program(self, limits: Limits) -> int | None:
        """The loaded filter for the device list, or None where v1 has to keep the list.

        Also on a hybrid machine the filter comes first: attaching it takes 3 us, against 60
        for making, filling and joining a group of the v1 controller.
        """
        if self._v2 is None or limits.devices is None:
            return None
        try:
            return self._programs.load(limits.devices)
        except OSError as error:
            if error.errno in _NO_BPF and self.layout.v1_of("devices") is not None:
                return None
            raise CgroupError(f"devices: load the filter: {cause(error)}") from error

    def _surroundings(self, limits: Limits, division: Division) -> Surroundings:
        numbers = {
            limit.device: _block_device(f"io[{index}]", limit.device)
            for index, limit in enumerate(limits.io)
        }
        cpus, nodes = "", ""
        if "cpuset" in division.on_v1:
            for parent in self._v1.values():
                if isinstance(parent, V1CpusetParent):
                    cpus, nodes = parent.lists()
        return Surroundings(page=_PAGE, block_devices=numbers, cpus=cpus, nodes=nodes)

    def _parents(self) -> list[Parent]:
        unified = [] if self._v2 is None else [self._v2]
        return [*self._v1.values(), *unified, *self._adopted.values()]

    def _places(self, name: str, paths: Mapping[str, str]) -> dict[str, Directory]:
        places = {label: parent.child(name) for label, parent in self._v1.items()}
        if self._v2 is not None:
            places[UNIFIED] = self._v2.child(name)
        ending = f"/{self._parent}/{name}"
        for label, path in paths.items():
            if not path.endswith(ending):
                raise CgroupError(f"open cgroup {name}: {path} is not one of its directories")
            if label not in places or places[label].path != path:
                places[label] = Directory(path)
                base = path.removesuffix(ending)
                self._adopted[base] = Parent(base, self._parent)
        return places


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise CgroupError(
            f"cgroup {name!r}: a name has 1 to 128 letters, digits, dots, underscores and "
            "hyphens, and begins with a letter or digit"
        )


def _given_base(hierarchy: Hierarchy, given: str) -> str:
    """The group that was asked for, as a path below the mount point. Raises CgroupError."""
    group = posixpath.normpath(posixpath.join(hierarchy.own or "/", given))
    path = hierarchy.mount_point + group
    if given in ("", "/") or hierarchy.own == group or hierarchy.own.startswith(f"{group}/"):
        raise CgroupError(f"use cgroup {given}: this process itself is in {path}")
    try:
        # systemd removes the group of a unit as soon as no process is in it.
        os.mkdir(path)
    except FileExistsError as error:
        if not os.path.isdir(path):
            raise CgroupError(f"use cgroup {given}: {path} is no cgroup") from error
    except OSError as error:
        raise CgroupError(f"use cgroup {given}: make {path}: {cause(error)}") from error
    return group


def _is_delegated(mount: str, group: str) -> bool:
    """Whether the v2 `group` is ours to rule: marked so by systemd, or a namespace's root.

    Only the real root lacks the events file; in a cgroup namespace nobody else rules the root.
    """
    path = mount + group
    if not group:
        return os.path.exists(f"{path}/cgroup.events")
    for attribute in _DELEGATION:
        try:
            if os.getxattr(path, attribute) == b"1":
                return True
        except OSError:
            # Absent, unreadable for this user or unknown to the kernel: not marked all the same.
            continue
    return False


def _block_device(field: str, path: str) -> str:
    try:
        status = os.stat(path)
    except OSError as error:
        raise CgroupError(f"{field}: device {path}: {cause(error)}") from error
    if not stat.S_ISBLK(status.st_mode):
        raise CgroupError(f"{field}: device {path}: not a block device")
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
