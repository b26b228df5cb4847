"""The files of one attempt's log: ``log`` is written to, ``log.1`` was before it, and so on.

Rotation renames, so a file keeps its identity (device and inode) and a reader that has it open
loses nothing. A rotation that was interrupted leaves a gap in the numbers; the next one fills it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack

from attrs import frozen

from supervisor.logs.errors import LogError

CURRENT = "log"

_ROTATED = re.compile(r"log\.([1-9][0-9]*)", re.ASCII)
_BLOCK = 64 * 1024


@frozen
class LogFile:
    """One file, open for reading; `size` is what it held when it was opened."""

    descriptor: int
    identity: tuple[int, int]
    size: int


def current_path(directory: str) -> str:
    """The file that is written to."""
    return os.path.join(directory, CURRENT)


def rotate(directory: str, max_files: int) -> None:
    """Put the current file away so that a new one can be made; at most `max_files` will exist."""
    current = current_path(directory)
    if max_files == 1:
        os.unlink(current)
        return
    free = 1
    while free < max_files - 1 and os.path.exists(f"{current}.{free}"):
        free += 1
    for number in range(free, 1, -1):
        os.replace(f"{current}.{number - 1}", f"{current}.{number}")
    os.replace(current, f"{current}.1")


def open_files(directory: str) -> list[LogFile]:
    """Open all files of a log, oldest first; none where there is no log. The caller closes them.

    Raises LogError where a file cannot be opened. Tried again when a rotation comes between: names
    that mean the same files after all have been opened did so at one moment in between, so none
    is missing and the order is right.
    """
    while True:
        names = _names(directory)
        with ExitStack() as opened:
            files = []
            try:
                for name in names:
                    files.append(_open(directory, name))
                    opened.callback(os.close, files[-1].descriptor)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogError(f"open log {error.filename}: {error.strerror}") from error
            if [file.identity for file in files] == [_identify(directory, name) for name in names]:
                opened.pop_all()
                return files


def close_files(files: list[LogFile]) -> None:
    """Close what `open_files` has opened."""
    for file in files:
        os.close(file.descriptor)


def identify_current(directory: str) -> tuple[int, int] | None:
    """Tell which file is written to; None between the two steps of a rotation."""
    return _identify(directory, CURRENT)


def lines_backwards(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The whole lines before `end`, last one first, each with its offset and no newline.

    What stands behind the last newline before `end` is not part of it.
    """
    rest: bytes | None = None
    """What the blocks so far have of the line that begins before them; None before the last one."""
    at = end
    while at > 0:
        start = max(0, at - _BLOCK)
        block = os.pread(descriptor, at - start, start)
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


def _names(directory: str) -> list[str]:
    try:
        present = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogError(f"list logs in {directory}: {error.strerror}") from error
    numbers = sorted(int(match[1]) for name in present if (match := _ROTATED.fullmatch(name)))
    current = [CURRENT] if CURRENT in present else []
    return [f"{CURRENT}.{number}" for number in reversed(numbers)] + current


def _open(directory: str, name: str) -> LogFile:
    descriptor = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    return LogFile(descriptor, (status.st_dev, status.st_ino), status.st_size)


def _identify(directory: str, name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(os.path.join(directory, name), follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
