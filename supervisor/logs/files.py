"""The files of one attempt's log: ``log`` is written to, ``log.1`` was before it, and so on.

Rotation renames, so a file keeps its inode and a reader that has it open loses nothing. A file
that was put away may be compressed, as ``log.1.zst``: it keeps its number, and the inode of the
file that it was tells who it is. A rotation that was interrupted leaves a gap in the numbers; the
next one fills it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import TypeAlias

from attrs import frozen

from supervisor.logs.errors import LogError

CURRENT = "log"
PACKED = ".zst"

_ROTATED = re.compile(r"log\.([1-9][0-9]*)(?:\.zst)?", re.ASCII)
_BLOCK = 64 * 1024

Read: TypeAlias = Callable[[int, int], bytes]
"""Takes a size and an offset, as os.pread does."""


@frozen
class LogFile:
    """One file, open for reading; `size` is what it held when it was opened."""

    descriptor: int
    identity: int
    """The inode of the file that was written to.

    Several compressed files may have the same: the newest is the one that has it rightly, as
    long as somebody has that inode open.
    """
    size: int
    read: Read


def current_path(directory: str) -> str:
    """The file that is written to."""
    return os.path.join(directory, CURRENT)


def put_away(directory: str) -> dict[int, str]:
    """The names of the files that rotations have put away, by number, newest first.

    Where a kill came after a compressed file had got its name, the plain one with the same number
    and content goes now: renamed one after the other, a second kill would leave them with two
    numbers, as if they were two files. Raises OSError.
    """
    names: dict[int, str] = {}
    for name in sorted(os.listdir(directory)):
        if match := _ROTATED.fullmatch(name):
            number = int(match[1])
            if number in names:
                os.unlink(os.path.join(directory, names[number]))
            names[number] = name
    return dict(sorted(names.items()))


def rotate(directory: str, max_files: int) -> None:
    """Put the current file away so that a new one can be made; at most `max_files` will exist."""
    current = current_path(directory)
    names = put_away(directory)
    oldest = max_files - 1
    free = next(number for number in count(1) if number not in names or number >= oldest)
    for number in names:
        if number > oldest or number == free:
            os.unlink(os.path.join(directory, names[number]))
    if oldest == 0:
        os.unlink(current)
        return
    for number in range(free, 1, -1):
        name = names[number - 1]
        suffix = PACKED if name.endswith(PACKED) else ""
        os.replace(os.path.join(directory, name), f"{current}.{number}{suffix}")
    os.replace(current, f"{current}.1")


def open_files(directory: str) -> list[LogFile]:
    """Open all files of a log, oldest first; none where there is no log. The caller closes them.

    Raises LogError where a file cannot be opened. Tried again when a rotation comes between: where
    the same files are there after all have been opened, they were at one moment in between, so
    none is missing and the order is right.
    """
    while True:
        present = _scan(directory)
        with ExitStack() as opened:
            files = []
            try:
                for name, _ in present:
                    files.append(_open(directory, name, opened))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogError(f"open log {error.filename}: {error.strerror}") from error
            if _scan(directory) == present:
                opened.pop_all()
                return files


def close_files(files: list[LogFile]) -> None:
    """Close what `open_files` has opened."""
    for file in files:
        os.close(file.descriptor)


def identify_current(directory: str) -> int | None:
    """Tell which file is written to; None between the two steps of a rotation."""
    try:
        return os.stat(current_path(directory), follow_symlinks=False).st_ino
    except FileNotFoundError:
        return None


def lines_backwards(read: Read, end: int) -> Iterator[tuple[int, bytes]]:
    """The whole lines before `end`, last one first, each with its offset and no newline.

    What stands behind the last newline before `end` is not part of it.
    """
    rest: bytes | None = None
    """What the blocks so far have of the line that begins before them; None before the last one."""
    at = end
    while at > 0:
        start = max(0, at - _BLOCK)
        block = read(at - start, start)
        parts = block.split(b"\n")
        if len(parts) > 1:
            offset = at - len(parts[-1])
            if rest is not None:
                yield offset, parts[-1] + rest
            for line in reversed(parts[1:-1]):
                offset -= len(line) + 1
                yield offset, line
            rest = parts[0]
        elif rest is not None:
            rest = block + rest
        at = start
    if rest is not None:
        yield 0, rest


def _scan(directory: str) -> list[tuple[str, int]]:
    """The name of each file, oldest first, and the inode that has it."""
    try:
        with os.scandir(directory) as entries:
            present = {entry.name: entry.inode() for entry in entries}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogError(f"list logs in {directory}: {error.strerror}") from error
    # Of two names with the same number the plain one: it is the first of them in this order.
    numbers: dict[int, str] = {}
    for name in sorted(present):
        if match := _ROTATED.fullmatch(name):
            numbers.setdefault(int(match[1]), name)
    names = [numbers[number] for number in sorted(numbers, reverse=True)]
    names += [CURRENT] if CURRENT in present else []
    return [(name, present[name]) for name in names]


def _open(directory: str, name: str, opened: ExitStack) -> LogFile:
    path = os.path.join(directory, name)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    opened.callback(os.close, descriptor)
    if name.endswith(PACKED):
        # Only a reader of such a file needs the means to unpack it.
        from supervisor.logs.frames import PackedFile

        packed = PackedFile(descriptor, path)
        return LogFile(descriptor, packed.origin, packed.size, packed.read)
    status = os.fstat(descriptor)
    return LogFile(descriptor, status.st_ino, status.st_size, partial(os.pread, descriptor))
