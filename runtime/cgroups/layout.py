"""Which cgroup hierarchies this process sees and where it stands in each of them.

Everything here is read off ``/proc/self/mountinfo`` and ``/proc/self/cgroup`` and nothing is
assumed about ``/sys/fs/cgroup``: controllers may be mounted anywhere, several on one mount,
and a container sees only part of each tree. The functions are pure.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Literal

from attrs import frozen

from runtime.errors import CgroupError
from runtime.mountinfo import unescaped

UNIFIED = "unified"
"""The label of the v2 hierarchy, in the place where v1 hierarchies have their controllers."""

SUPERVISOR_LEAF = "supervisor"
"""The leaf of a delegated v2 subtree that the supervisor's own processes live in."""


@frozen(kw_only=True)
class Hierarchy:
    """One mounted hierarchy: `controllers` is empty for v2, whose set differs by directory.

    `own` is the group of this process below `mount_point`: empty, or ``/a/b``.
    """

    controllers: tuple[str, ...] = ()
    mount_point: str
    own: str

    @property
    def label(self) -> str:
        return ",".join(self.controllers) or UNIFIED


@frozen(kw_only=True)
class Layout:
    """The hierarchies that controllers can be used in; named v1 hierarchies are left out."""

    v1: tuple[Hierarchy, ...] = ()
    v2: Hierarchy | None = None

    @property
    def kind(self) -> Literal["v1", "hybrid", "v2"]:
        if self.v2 is None:
            return "v1"
        return "hybrid" if self.v1 else "v2"

    def v1_of(self, controller: str) -> Hierarchy | None:
        """The v1 hierarchy that has `controller`, if one is mounted."""
        return next((one for one in self.v1 if controller in one.controllers), None)


@frozen(kw_only=True)
class _Mount:
    number: str
    parent: str
    root: str
    point: str
    kind: str
    options: frozenset[str]


def detect_layout(mountinfo: str, own: str) -> Layout:
    """Read the layout off the texts of ``/proc/self/mountinfo`` and ``/proc/self/cgroup``."""
    mounts = list(_reachable(list(_cgroup_mounts(mountinfo))))
    v1: list[Hierarchy] = []
    v2: Hierarchy | None = None
    for line in own.splitlines():
        number, names, path = line.split(":", 2)
        if number == "0" and not names:
            v2 = _hierarchy((), path, [mount for mount in mounts if mount.kind == "cgroup2"])
        elif not names.startswith("name="):
            controllers = tuple(sorted(names.split(",")))
            found = _hierarchy(
                controllers,
                path,
                [mount for mount in mounts if mount.options.issuperset(controllers)],
            )
            if found is not None:
                v1.append(found)
    if v2 is None and not v1:
        raise CgroupError("detect cgroups: no cgroup hierarchy with controllers is mounted")
    return Layout(v1=tuple(sorted(v1, key=lambda one: one.label)), v2=v2)


def subtree_base(own: str, is_delegated: Callable[[str], bool]) -> str:
    """The v2 group below which the project's own subtree goes, as a path like `own`.

    That is this process's group when it was delegated to us (also when an earlier supervisor
    has already moved into the leaf of it), and else the root of the hierarchy.
    """
    parent, leaf = posixpath.split(own)
    if leaf == SUPERVISOR_LEAF:
        above = parent.rstrip("/")
        if is_delegated(above):
            return above
    return own if is_delegated(own) else ""


def _cgroup_mounts(mountinfo: str) -> Iterator[_Mount]:
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, rest = after.partition(" ")
        if kind not in ("cgroup", "cgroup2"):
            continue
        number, parent, _, root, point = before.split(" ")[:5]
        options = rest.rpartition(" ")[2].split(",") if kind == "cgroup" else ()
        yield _Mount(
            number=number,
            parent=parent,
            root=unescaped(root),
            point=unescaped(point).rstrip("/"),
            kind=kind,
            options=frozenset(options),
        )


def _reachable(mounts: list[_Mount]) -> Iterator[_Mount]:
    """Leave out mounts that another one was stacked upon at the same place."""
    covered = {(mount.parent, mount.point) for mount in mounts}
    for mount in mounts:
        if (mount.number, mount.point) not in covered:
            yield mount


def _hierarchy(controllers: tuple[str, ...], path: str, mounts: list[_Mount]) -> Hierarchy | None:
    """Place the group `path` below the first of `mounts` that shows it.

    Where none shows it (a cgroup namespace entered after the mount, or a group outside of
    the namespace), the mount's root is the nearest place that can be reached.
    """
    for mount in mounts:
        below = _below(mount.root, path)
        if below is not None:
            return Hierarchy(controllers=controllers, mount_point=mount.point, own=below)
    if not mounts:
        return None
    return Hierarchy(controllers=controllers, mount_point=mounts[0].point, own="")


def _below(root: str, path: str) -> str | None:
    if ".." in root.split("/") or ".." in path.split("/"):
        return None
    prefix = root.rstrip("/")
    if path == prefix or path.startswith(prefix + "/"):
        return path[len(prefix) :].rstrip("/")
    return None
