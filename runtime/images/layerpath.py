"""Where in a layer a name from an archive lies, and what a whiteout's name stands for.

Pure. The OCI image specification ("Image Layer Filesystem Changeset") says what is hidden by which
name; aufs left other names behind that mean nothing.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from runtime.images.tarheader import TarError

OPAQUE = ".wh..wh..opq"
WHITEOUT = ".wh."
_AUFS = ".wh..wh."
_MAX_NAME = 255
_MAX_PATH = 4096

Meaning: TypeAlias = Literal["file", "whiteout", "opaque", "nothing"]


def split(path: str, depth: int) -> tuple[str, str]:
    """(directory, name) of a member; both empty for the root. Raises TarError.

    A leading slash means the root of the layer; a way up is refused, not cut off: nobody honest
    has one.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise TarError(f"{path[:200]!r} leads upwards")
    if len(parts) > depth:
        raise TarError(f"{path[:200]!r} is more than {depth} directories deep")
    if len(path) > _MAX_PATH or any(
        len(part.encode("utf-8", "surrogateescape")) > _MAX_NAME for part in parts
    ):
        raise TarError(f"{path[:200]!r}: name is too long")
    if "\0" in path:
        raise TarError(f"{path[:200]!r} contains a NUL character")
    return ("/".join(parts[:-1]), parts[-1]) if parts else ("", "")


def meaning(name: str) -> tuple[Meaning, str]:
    """What a member of this name does, and the name of what it does it to. Raises TarError."""
    if not name.startswith(WHITEOUT):
        return "file", name
    if name == OPAQUE:
        return "opaque", ""
    if name.startswith(_AUFS):
        return "nothing", name
    hidden = name[len(WHITEOUT) :]
    if hidden in ("", ".", ".."):
        raise TarError(f"whiteout {name!r} names no file")
    return "whiteout", hidden
