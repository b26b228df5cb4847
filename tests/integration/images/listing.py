"""Everything about a tree, as lines: run as a program, it prints that of a directory.

With several arguments, layers with the topmost first, it is the tree that overlay shows of them,
mounted in a namespace that ends with the program.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
import sys
from collections.abc import Iterator

_CLONE_NEWNS = 0x00020000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_MS_RDONLY = 1


def lines(top: str) -> Iterator[str]:
    """Type, mode, owner, time, device, link, attributes and content of every file."""
    inodes: dict[int, str] = {}
    for directory, names, files in os.walk(top):
        names.sort()
        for name in sorted([*names, *files]) + ([""] if directory == top else []):
            path = os.path.join(directory, name).rstrip("/")
            status = os.lstat(path)
            shown = os.path.relpath(path, top)
            first = shown
            if not stat.S_ISDIR(status.st_mode):
                first = inodes.setdefault(status.st_ino, shown)
            yield " ".join(
                (
                    shown,
                    f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {status.st_mtime_ns}",
                    f"{status.st_rdev} {first} {status.st_size * stat.S_ISREG(status.st_mode)}",
                    _content(path, status),
                    repr(_attributes(path)),
                )
            )


def _content(path: str, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(status.st_mode):
        return "-"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _attributes(path: str) -> list[tuple[str, bytes]]:
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return [
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in names
        if not name.startswith("trusted.overlay.")
    ]


def mounted(layers: list[str], *options: str) -> str:
    """A mount of these layers, over the topmost, that nobody else sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = layers[0]
    data = ",".join((f"lowerdir={':'.join(layers)}", *options)).encode()
    if (
        libc.unshare(_CLONE_NEWNS)
        or libc.mount(None, b"/", None, _MS_REC_PRIVATE, None)
        or libc.mount(b"overlay", place.encode(), b"overlay", _MS_RDONLY, data)
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return place


if __name__ == "__main__":
    given = sys.argv[1:]
    shown_top = mounted(given) if len(given) > 1 else given[0]
    sys.stdout.write("\n".join(lines(shown_top)))
