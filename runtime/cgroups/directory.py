"""One group's directory in one hierarchy: the only place that touches cgroup files.

Every open is close-on-exec. A directory that somebody else removed in between shows as
CgroupGone on a read, and counts as done for everything that takes something away.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable

from runtime.cgroups.settings import Setting
from runtime.errors import CgroupError

_CHUNK = 65_536
_PAGE = 4096
_MOVES = 64
_LINKS_OF_A_LEAF = 2
"""The name and the dot; each group below adds its own two dots."""
_GONE = (errno.ENOENT, errno.ENODEV)
_OCCUPIED = (errno.EBUSY, errno.ENOTEMPTY)


class CgroupGone(CgroupError):
    """The group was removed by somebody else in the meantime."""


def cause(error: OSError) -> str:
    """The kernel's reason in the form that messages use."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]


class Anchor:
    """An open directory that others are reached from: saves the walk from the root each time.

    It may be closed and opened again at any time; what hangs on it notices.
    """

    __slots__ = ("descriptor",)

    def __init__(self) -> None:
        self.descriptor = -1

    def open(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class Directory:
    """A directory that may exist; `anchor` is the one it lies in."""

    __slots__ = ("_anchor", "_name", "path")

    def __init__(self, path: str, *, anchor: Anchor | None = None) -> None:
        self.path = path
        self._anchor = anchor
        self._name = path.rpartition("/")[2]

    def _place(self) -> tuple[str, int | None]:
        """The directory as a path and the descriptor that the path starts from."""
        anchor = self._anchor
        if anchor is None or anchor.descriptor < 0:
            return self.path, None
        return self._name, anchor.descriptor

    def open(self, file: str, flags: int) -> int:
        """Open one of the directory's files, or the directory itself as ``.``."""
        place, start = self._place()
        return os.open(f"{place}/{file}", flags | os.O_CLOEXEC, dir_fd=start)

    def exists(self) -> bool:
        try:
            os.stat(self.path)  # not isdir(), which takes an error for an answer
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CgroupError(f"look for {self.path}: {cause(error)}") from error
        return True

    def read(self, file: str) -> str:
        """The whole text of `file`."""
        try:
            return self._read(file)
        except OSError as error:
            kind = CgroupGone if error.errno in _GONE else CgroupError
            raise kind(f"read {self.path}/{file}: {cause(error)}") from error

    def read_if_there(self, file: str) -> str | None:
        """The text of a file that not every kernel has, or has turned on; or None."""
        try:
            return self._read(file)
        except OSError as error:
            if error.errno in (*_GONE, errno.EOPNOTSUPP):
                return None
            raise CgroupError(f"read {self.path}/{file}: {cause(error)}") from error

    def _read(self, file: str) -> str:
        descriptor = self.open(file, os.O_RDONLY)
        try:
            parts = [os.read(descriptor, _CHUNK)]
            # The kernel hands out whole lines up to a page at a time, so a short text is all.
            while len(parts[-1]) > _PAGE // 2:
                parts.append(os.read(descriptor, _CHUNK))
        finally:
            os.close(descriptor)
        return b"".join(parts).decode()

    def number(self, file: str) -> int:
        return int(self.read(file))

    def write(self, file: str, text: str) -> None:
        """Write `text` in one call; OSError is the caller's to explain."""
        descriptor = self.open(file, os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def apply(self, setting: Setting) -> None:
        """Write a limit and read it back; raise where the kernel did not take it."""
        try:
            seen = self._written(setting)
        except FileNotFoundError as error:
            if setting.instead is not None:
                self.apply(setting.instead)
            elif not setting.optional:
                raise CgroupError(
                    f"{setting.field}: this kernel has no {setting.file} in {self.path}"
                ) from error
            return
        except OSError as error:
            raise CgroupError(
                f"{setting.field}: write {setting.value} to {self.path}/{setting.file}: "
                f"{cause(error)}"
            ) from error
        if setting.shown_in is not None:
            seen = self.read(setting.shown_in)
        if setting.shown not in seen.splitlines():
            raise CgroupError(
                f"{setting.field}: wrote {setting.value} to {self.path}/{setting.file} but "
                f"{setting.shown_in or 'it'} reads {seen.strip()!r}"
            )

    def _written(self, setting: Setting) -> str:
        """Write a limit and return what its file shows then."""
        descriptor = self.open(setting.file, os.O_RDWR)
        try:
            os.write(descriptor, setting.value.encode())
            return os.pread(descriptor, _CHUNK, 0).decode()
        finally:
            os.close(descriptor)

    def subgroups(self) -> list[Directory]:
        """All groups below this one, each after its parent."""
        try:
            place, start = self._place()
            if os.stat(place, dir_fd=start).st_nlink == _LINKS_OF_A_LEAF:
                return []
        except FileNotFoundError:
            return []
        found: list[Directory] = []
        pending = [self]
        while pending:
            children = [Directory(path) for path in pending.pop().children()]
            found += children
            pending += children
        return found

    def children(self) -> list[str]:
        """Paths of the groups right below this one; none if it is gone."""
        try:
            with os.scandir(self.path) as entries:
                return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []

    def members(self) -> list[int]:
        """Processes in this group and below; those of foreign pid namespaces are left out."""
        found: list[int] = []
        for place in (self, *self.subgroups()):
            text = place.read_if_there("cgroup.procs") or ""
            found += [int(word) for word in text.split() if word != "0"]
        return found

    def take(self, members: Callable[[], Iterable[int]]) -> None:
        """Move all of these processes in here, also those that are forked meanwhile."""
        for _ in range(_MOVES):
            here = map(int, self.read("cgroup.procs").split())
            left = set(members()).difference(here)
            if not left:
                return
            for pid in left:
                try:
                    self.write("cgroup.procs", str(pid))
                except ProcessLookupError:
                    continue
                except OSError as error:
                    raise CgroupError(f"move {pid} to {self.path}: {cause(error)}") from error
        raise CgroupError(f"move processes to {self.path}: more are made all the time")

    def remove(self) -> None:
        """Remove the directory and the groups made below it; fine if it is gone."""
        try:
            self._rmdir()
        except OSError as error:
            below = self.subgroups()
            if error.errno not in _OCCUPIED or not below:
                raise self._busy(error) from error
            for place in (*reversed(below), self):
                try:
                    place._rmdir()
                except OSError as again:
                    raise place._busy(again) from again

    def _rmdir(self) -> None:
        place, start = self._place()
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(place, dir_fd=start)

    def _busy(self, error: OSError) -> CgroupError:
        if error.errno in _OCCUPIED:
            members = ", ".join(str(pid) for pid in self.members()[:8])
            if members:
                return CgroupError(f"remove {self.path}: processes are still in it: {members}")
        return CgroupError(f"remove {self.path}: {cause(error)}")


def remove_all(directories: Iterable[Directory]) -> None:
    """Remove each; one that cannot be removed does not keep the others from it."""
    failed: CgroupError | None = None
    for directory in directories:
        try:
            directory.remove()
        except CgroupError as error:
            failed = failed or error
    if failed is not None:
        raise failed
