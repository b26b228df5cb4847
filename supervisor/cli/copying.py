"""Copies between a container's root and the host: one side is packed, the other places what comes.

No path of a container leads out of its root, whatever the container does meanwhile. What comes out
of one is placed on the host without following any link.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from attrs import frozen

from runtime.images.compression import decompress, recognise
from runtime.images.linkwalk import MAX_LINKS
from runtime.images.packing import pack
from runtime.images.tarstream import UnpackLimits
from runtime.kernel import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    openat2,
)
from runtime.rootfs.placing import Spot, place
from supervisor.cli.copypath import (
    CopyError,
    Kind,
    Landing,
    Operand,
    landing,
    name_of,
)
from supervisor.cli.here import here
from supervisor.cli.image.access import STANDARD, read_pieces, written
from supervisor.cli.roots import Root
from supervisor.cli.settings import Settings

_WORKING_DIRECTORY = -100
"""AT_FDCWD"""
_ROOT = (0, 0)


@frozen(kw_only=True)
class Copy:
    """What is to be copied, and how."""

    source: Operand
    target: Operand
    archive: bool
    """Whether owners and all else are kept."""
    follow: bool
    """Whether a link as the source stands for what it leads to."""


@frozen
class _Tree:
    """Where paths are looked up."""

    root: int
    resolve: int

    def find(self, path: str, *, follow: bool) -> int | None:
        """A descriptor that names a file; None where there is none. Raises OSError."""
        flags = os.O_PATH | (0 if follow else os.O_NOFOLLOW)
        try:
            return openat2(self.root, path, flags, self.resolve)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error

    @contextmanager
    def spot(self, landing: Landing, target: Operand) -> Iterator[Spot]:
        """The directory that something lands in. Raises CopyError."""
        fd = self.find(landing.directory, follow=True)
        if fd is None:
            raise CopyError(f"{target}: no such directory")
        try:
            if self.root != _WORKING_DIRECTORY:
                yield Spot(root=self.root, path=landing.directory, resolve=self.resolve)
            else:
                yield Spot(root=fd, path="", resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
        finally:
            os.close(fd)


_HOST = _Tree(_WORKING_DIRECTORY, 0)


def carry_out(settings: Settings, copy: Copy) -> int:
    """Do it; returns the bytes of the files. Raises CopyError, ContainerError, Failure, OSError."""
    word = copy.source.container or copy.target.container
    assert word is not None, "one of the two is a container's"
    outwards = copy.source.container is not None
    with Root.of(settings, word).opened(writable=not outwards) as fd:
        inside = _Tree(fd, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        if copy.source.is_stream:
            return _place_stream(copy, inside)
        source, target = (inside, _HOST) if outwards else (_HOST, inside)
        with _source(copy, source) as (node, kind):
            if copy.target.is_stream:
                _write_stream(copy, node)
                return 0
            return _transfer(copy, node, kind, target)


@contextmanager
def _source(copy: Copy, tree: _Tree) -> Iterator[tuple[int, Kind]]:
    path = copy.source.path
    node = tree.find(path, follow=copy.follow)
    if node is None:
        raise CopyError(f"{copy.source}: no such file or directory")
    try:
        kind: Kind = "directory" if stat.S_ISDIR(os.fstat(node).st_mode) else "file"
        yield node, kind
    finally:
        os.close(node)


def _transfer(copy: Copy, node: int, kind: Kind, tree: _Tree) -> int:
    path, found = _settled(copy.target, tree)
    source = copy.source.path
    if copy.source.container is None:
        source = posixpath.join(here(), source)
    place_in = landing(source, kind, path, found)
    with tree.spot(place_in, copy.target) as spot:
        return place(pack(node, place_in.name), spot, _owner(copy))


def _settled(target: Operand, tree: _Tree) -> tuple[str, Kind | None]:
    """The path that a target stands for, links at its end followed, and what is there."""
    path = target.path
    for _ in range(MAX_LINKS):
        node = tree.find(path, follow=False)
        if node is None:
            return path, None
        try:
            mode = os.fstat(node).st_mode
            if not stat.S_ISLNK(mode):
                return path, "directory" if stat.S_ISDIR(mode) else "file"
            link = os.readlink("", dir_fd=node)
        finally:
            os.close(node)
        path = posixpath.join(posixpath.dirname(path), link)
    raise CopyError(f"{target}: too many links")


def _owner(copy: Copy) -> tuple[int, int] | None:
    if copy.archive:
        return None
    return _ROOT if copy.target.container is not None else (os.geteuid(), os.getegid())


def _place_stream(copy: Copy, tree: _Tree) -> int:
    path, found = _settled(copy.target, tree)
    if found != "directory":
        raise CopyError(f"{copy.target}: no such directory")
    pieces = read_pieces(STANDARD)
    first = next(pieces, b"")
    limits = UnpackLimits()
    members = decompress(chain([first], pieces), recognise(first), limits)
    with tree.spot(Landing(path, ""), copy.target) as spot:
        return place(members, spot, _owner(copy))


def _write_stream(copy: Copy, node: int) -> None:
    with written(None) as output:
        for piece in pack(node, name_of(copy.source.path)):
            output.write(piece)
