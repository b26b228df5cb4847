"""Puts the members of an archive below a directory of a tree that others may change meanwhile.

The way to each member is resolved by the kernel, never leaving where it may not leave, and the last
component is made anew: what was there is removed first, and no link there is followed. A file takes
its place when it is whole. A directory and anything else never take each other's place.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from attrs import frozen

from runtime.errors import ContainerError
from runtime.images.layerpath import split
from runtime.images.members import Members, check_owner
from runtime.images.tarheader import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    HARD_LINK,
    REGULAR,
    Entry,
    TarError,
)
from runtime.images.tarstream import TarStream, UnpackLimits
from runtime.kernel import openat2
from runtime.rootfs.replacements import Replacements

_DIRECTORY_MODE = 0o755
_HARMLESS_MODE = 0o1777
"""Without set-user-ID and set-group-ID: they would speak of another owner."""


class PlacingError(ContainerError):
    """Something could not be put where it was to go; what was before it stays there."""


@frozen(kw_only=True)
class Spot:
    """The directory `path` of the tree with the directory `root`, a descriptor.

    `resolve` is how openat2 finds the way to it and below it.
    """

    root: int
    path: str
    resolve: int

    def open(self, below: str, flags: int = 0) -> int:
        """A descriptor of a directory below it."""
        path = posixpath.join(self.path, below).rstrip("/") or "."
        return openat2(self.root, path, flags | os.O_RDONLY | os.O_DIRECTORY, self.resolve)


def place(chunks: Iterable[bytes], spot: Spot, owner: tuple[int, int] | None) -> int:
    """Put all members there; returns the bytes of their files.

    Raises PlacingError, or OSError where the archive cannot be read.

    With an `owner` it gets everything, set-id bits and attributes are left out, directories that
    are there stay as they are, and devices are refused; else all is as the archive says.
    """
    limits = UnpackLimits()
    stream = TarStream(chunks, limits)
    replacements = Replacements()
    placer = _Placer(Members(stream), replacements, spot, owner, limits.depth)
    try:
        for entry in stream.entries():
            placer.place_member(entry)
    except TarError as error:
        raise PlacingError(str(error)) from error
    finally:
        replacements.close()
    placer.finish()
    return placer.members.bytes


class _Placer:
    def __init__(
        self,
        members: Members,
        replacements: Replacements,
        spot: Spot,
        owner: tuple[int, int] | None,
        depth: int,
    ) -> None:
        self.members = members
        self._replacements = replacements
        self._spot = spot
        self._owner = owner
        self._depth = depth
        self._times: dict[str, int] = {}

    def place_member(self, entry: Entry) -> None:
        try:
            self._place(entry)
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise PlacingError(f"{entry.path[:200]}: {cause}") from error

    def _place(self, entry: Entry) -> None:
        check_owner(entry)
        if self._owner is not None:
            entry = self._given_to(entry, *self._owner)
        parent, name = split(entry.path, self._depth)
        if not name:
            self._place_top(entry)
            return
        with self._entered(parent) as directory:
            if entry.kind == DIRECTORY:
                self._directory(entry, directory, name)
                return
            if entry.kind == REGULAR:
                self._file(entry, directory, name)
                return
            _make_room(entry, directory, name)
            if entry.kind == HARD_LINK:
                self._hard_link(entry, directory, name)
            else:
                self.members.make(entry, directory, name)

    def finish(self) -> None:
        """Set the times of the directories: whatever was made in one has changed its own."""
        for path, time in self._times.items():
            with suppress(FileNotFoundError), self._entered(path) as directory:
                os.utime(directory, ns=(time, time))

    def _given_to(self, entry: Entry, uid: int, gid: int) -> Entry:
        if entry.kind in (CHARACTER, BLOCK_DEVICE):
            raise TarError(f"{entry.path[:200]!r}: is a device, which only --archive copies")
        return entry._replace(uid=uid, gid=gid, mode=entry.mode & _HARMLESS_MODE, xattrs={})

    @contextmanager
    def _entered(self, path: str) -> Iterator[int]:
        """A directory, made if need be with those on the way to it."""
        try:
            fd = self._spot.open(path)
        except FileNotFoundError:
            if not path:
                raise
            parent, name = posixpath.split(path)
            with self._entered(parent) as above, suppress(FileExistsError):
                os.mkdir(name, _DIRECTORY_MODE, dir_fd=above)
            fd = self._spot.open(path)
        try:
            yield fd
        finally:
            os.close(fd)

    def _place_top(self, entry: Entry) -> None:
        """What the archive says of the directory that is there already."""
        if entry.kind != DIRECTORY:
            raise TarError(f"{entry.path[:200]!r}: is not a directory")
        if self._owner is None:
            with self._entered("") as directory:
                self.members.dress(directory, entry)
                self._times[""] = entry.mtime_ns

    def _directory(self, entry: Entry, directory: int, name: str) -> None:
        is_new = True
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            is_new = False
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=directory)
        except NotADirectoryError:
            raise TarError(
                f"{entry.path[:200]!r}: cannot overwrite a file with a directory"
            ) from None
        try:
            if is_new or self._owner is None:
                self.members.dress(fd, entry)
                self._times[posixpath.join(*split(entry.path, self._depth))] = entry.mtime_ns
        finally:
            os.close(fd)

    def _file(self, entry: Entry, directory: int, name: str) -> None:
        try:
            with self._replacements.file(directory, name) as fd:
                self.members.fill(fd, entry)
        except IsADirectoryError:
            raise _in_the_way(entry) from None

    def _hard_link(self, entry: Entry, directory: int, name: str) -> None:
        parent, target = split(entry.link, self._depth)
        source = self._spot.open(parent)
        try:
            os.link(target, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            raise TarError(
                f"{entry.path[:200]!r}: is a link to {entry.link[:200]!r}, which is not there"
            ) from None
        finally:
            os.close(source)


def _make_room(entry: Entry, directory: int, name: str) -> None:
    """Remove the file that a member takes the place of."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        raise _in_the_way(entry) from None


def _in_the_way(entry: Entry) -> TarError:
    return TarError(f"{entry.path[:200]!r}: cannot overwrite a directory with a file")
