"""The project's own group in one hierarchy, which the containers' groups are made in.

It is made when the first container needs it and again if somebody removed it meanwhile, so
that several supervisors may share it and each may clear it away when it is empty.
"""

from __future__ import annotations

import errno
import os

from runtime.cgroups.directory import Anchor, CgroupGone, Directory, cause
from runtime.cgroups.layout import SUPERVISOR_LEAF
from runtime.errors import CgroupError

_REMAKES = 16
_MOVES = 16


class Parent:
    """A v1 hierarchy's parent group, or the common part of a v2 one."""

    def __init__(self, base: str, name: str) -> None:
        self._base = Directory(base)
        self.path = f"{base}/{name}"
        self._anchor = Anchor()

    def child(self, name: str) -> Directory:
        """The directory of a container, which may not exist."""
        return Directory(f"{self.path}/{name}", anchor=self._anchor)

    def make(self, name: str) -> Directory:
        """Make a container's directory, and this parent first if need be."""
        for _ in range(_REMAKES):
            try:
                if self._anchor.descriptor < 0:
                    self._open()
                os.mkdir(name, 0o755, dir_fd=self._anchor.descriptor)
            except (FileNotFoundError, CgroupGone):
                # Somebody found the parent empty and removed it.
                self.close()
                continue
            except FileExistsError as error:
                raise CgroupError(f"create {self.path}/{name}: it exists already") from error
            except OSError as error:
                raise _failure(f"create {self.path}/{name}", error) from error
            return self.child(name)
        raise CgroupError(f"create {self.path}/{name}: {self.path} is removed again and again")

    def take_back(self, directory: Directory) -> None:
        """Let the processes of a container's directory be where they were before it was made."""
        self._base.take(directory.members)

    def names(self) -> list[str]:
        """Names of the groups in it."""
        return [path.rpartition("/")[2] for path in Directory(self.path).children()]

    def remove_if_empty(self) -> None:
        """Remove the parent unless containers are in it."""
        self.close()
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
                raise CgroupError(f"remove {self.path}: {cause(error)}") from error

    def close(self) -> None:
        self._anchor.close()

    def _open(self) -> None:
        try:
            os.mkdir(self.path, 0o755)
        except FileExistsError:
            pass
        except OSError as error:
            raise _failure(f"create {self.path}", error) from error
        self._prepare()
        try:
            self._anchor.open(self.path)
        except OSError as error:
            raise _failure(f"open {self.path}", error) from error

    def _prepare(self) -> None:
        """Make the new parent usable for children."""


class V1CpusetParent(Parent):
    """A cpuset: nobody may enter one whose processors and nodes were not both set."""

    def lists(self) -> tuple[str, str]:
        """Processors and nodes that children may use."""
        if self._anchor.descriptor < 0:
            self._open()
        here = Directory(self.path)
        return here.read("cpuset.cpus").strip(), here.read("cpuset.mems").strip()

    def _prepare(self) -> None:
        here = Directory(self.path)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not here.read(file).strip():
                try:
                    here.write(file, self._base.read(file).strip())
                except OSError as error:
                    raise _failure(f"write {self.path}/{file}", error) from error


class V2Parent(Parent):
    """The v2 parent: children have the controllers that are enabled in it and above it."""

    def __init__(self, base: str, name: str, *, delegated: bool) -> None:
        super().__init__(base, name)
        self._delegated = delegated
        self._enabled: set[str] = set()
        self._available: frozenset[str] | None = None

    def available(self) -> frozenset[str]:
        """Controllers that can be enabled, looked up once."""
        if self._available is None:
            self._available = frozenset(self._base.read("cgroup.controllers").split())
        return self._available

    def make_with(self, name: str, controllers: frozenset[str]) -> Directory:
        """Make a container's directory in which `controllers` are at hand."""
        self._ask_for(controllers)
        return self.make(name)

    def enable(self, controllers: frozenset[str]) -> None:
        """Let `controllers` be at hand in the containers' directories that there are."""
        self._ask_for(controllers)
        if self._anchor.descriptor < 0:
            self._open()

    def _ask_for(self, controllers: frozenset[str]) -> None:
        if not controllers <= self._enabled:
            self._enabled |= controllers
            # The parent is prepared when it is opened, with all that was ever asked for.
            self.close()

    def _prepare(self) -> None:
        for place in (self._base, Directory(self.path)):
            missing = self._enabled.difference(place.read("cgroup.subtree_control").split())
            if missing:
                self._enable(place, sorted(missing))

    def _enable(self, place: Directory, controllers: list[str]) -> None:
        text = " ".join(f"+{controller}" for controller in controllers)
        try:
            try:
                place.write("cgroup.subtree_control", text)
            except OSError as error:
                if error.errno != errno.EBUSY or place is not self._base or not self._delegated:
                    raise
                # Processes and controllers for children exclude each other in one group.
                self._vacate()
                place.write("cgroup.subtree_control", text)
        except OSError as error:
            names = ", ".join(controllers)
            raise _failure(f"enable {names} below {place.path}", error) from error

    def _vacate(self) -> None:
        """Move the processes of the delegated group into a leaf: this one and its helpers."""
        leaf = Directory(f"{self._base.path}/{SUPERVISOR_LEAF}")
        if not leaf.exists():
            os.mkdir(leaf.path, 0o755)
        for _ in range(_MOVES):
            pids = self._base.read("cgroup.procs").split()
            if not pids:
                return
            for pid in pids:
                try:
                    leaf.write("cgroup.procs", pid)
                except ProcessLookupError:
                    continue


def _failure(what: str, error: OSError) -> CgroupError:
    """The error to raise: CgroupGone where the group has been removed meanwhile."""
    if error.errno in (errno.ENOENT, errno.ENODEV):
        return CgroupGone(f"{what}: {cause(error)}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = " (needs root, or a cgroup subtree delegated to this user)"
    elif error.errno == errno.EBUSY:
        hint = " (processes live in that group itself)"
    else:
        hint = ""
    return CgroupError(f"{what}: {cause(error)}{hint}")
