"""The paths of `pocker cp`: whose they are, and where what is copied comes to lie. Pure.

The rules are Docker's, which are those of `cp -a`: a directory that is written with ``/.`` at its
end stands for its contents, a slash alone changes nothing.
"""

from __future__ import annotations

import posixpath
from typing import Literal, TypeAlias

from attrs import frozen

STREAM = "-"
"""An archive on the standard input or output."""

Kind: TypeAlias = Literal["directory", "file"]


class CopyError(Exception):
    """What was asked for cannot be; the message says why."""


@frozen
class Operand:
    """A path in a container, or on the host where `container` is None."""

    container: str | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Operand:
        """`CONTAINER:PATH`; a path of the host with a colon in it begins with ``/`` or ``.``."""
        container, colon, path = text.partition(":")
        if not colon or not container or text.startswith(("/", ".")):
            return cls(None, text)
        return cls(container, posixpath.join("/", path))

    @property
    def is_stream(self) -> bool:
        """Whether it is no path at all."""
        return self.container is None and self.path == STREAM

    def __str__(self) -> str:
        return self.path if self.container is None else f"{self.container}:{self.path}"


@frozen
class Landing:
    """A directory, and the name in it; without a name what is copied is laid out in there."""

    directory: str
    name: str


def check_operands(source: Operand, target: Operand) -> None:
    """Refuse what is no copy between a container and the host. Raises CopyError."""
    if source.container is not None and target.container is not None:
        raise CopyError("copying between containers is not supported")
    if source.container is None and target.container is None:
        raise CopyError("one of the two must be CONTAINER:PATH")
    for operand in (source, target):
        if not operand.path:
            raise CopyError("a path is empty")
        if "\0" in operand.path:
            raise CopyError("a path contains a NUL character")


def wants_directory(path: str) -> bool:
    """Whether a path is written as only that of a directory is."""
    return path.endswith("/") or posixpath.basename(path) in (".", "..")


def wants_contents(path: str) -> bool:
    """Whether a directory written so stands for what is in it."""
    return posixpath.basename(path) == "." or not path.strip("/")


def name_of(path: str) -> str:
    """What a source is called where it comes to lie; nothing for the contents of a directory."""
    return "" if wants_contents(path) else posixpath.basename(posixpath.normpath(path))


def landing(source: str, kind: Kind, target: str, found: Kind | None) -> Landing:
    """Where a source of this kind goes; `found` is what the target is now. Raises CopyError.

    A source that stands for what has no name, as ``..`` does, is for the caller to make absolute.
    """
    if found == "directory":
        return Landing(target, name_of(source))
    if found == "file" and kind == "directory":
        raise CopyError(f"cannot copy a directory to the file {target}")
    if kind == "file" and wants_directory(target):
        raise CopyError(f"{target}: there is no such directory")
    directory, name = posixpath.split(posixpath.normpath(target))
    return Landing(directory or ".", name)
