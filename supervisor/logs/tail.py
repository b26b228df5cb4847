"""Where the last lines of a log begin, found from its end without reading the rest.

A line counts where it ends. The two streams may be interleaved in mid-line, so each has a place
of its own where its part of the selection begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from attrs import define

from supervisor.logs.files import LogFile, lines_backwards
from supervisor.logs.query import LogQuery
from supervisor.logs.records import STREAMS, Stream, parse_record

Place: TypeAlias = tuple[int, int]
"""A file, counted from the oldest, and an offset in it."""

_LOOK_BACK = 1024 * 1024
"""Bytes after which the beginning of an unfinished selection is no longer looked for."""


@define
class _StreamTail:
    start: Place | None = None
    complete: bool = False
    """All pieces of the stream's first selected line have been found."""

    @property
    def unfinished(self) -> bool:
        return self.start is not None and not self.complete


def tail_starts(files: list[LogFile], query: LogQuery, count: int) -> dict[Stream, Place]:
    """Where the part of each stream begins that belongs to the last `count` lines of `query`.

    For a stream that has no part in them, the end of the log.
    """
    tails = {stream: _StreamTail() for stream in STREAMS}
    lines = passed = 0
    end: Place | None = None
    for place, line in _backwards(files):
        end = end or (place[0], place[1] + len(line) + 1)
        if lines == count and (
            passed > _LOOK_BACK or not any(tail.unfinished for tail in tails.values())
        ):
            break
        passed += len(line)
        record = parse_record(line) if query.wants(line) else None
        if record is None or tails[record.stream].complete:
            continue
        tail = tails[record.stream]
        if not record.partial or tail.start is None:
            # Seen from behind, a line begins here.
            if lines == count:
                tail.complete = True
                continue
            lines += 1
        tail.start = place
        passed = 0
    return {stream: tail.start or end or (0, 0) for stream, tail in tails.items()}


def _backwards(files: list[LogFile]) -> Iterator[tuple[Place, bytes]]:
    for index in reversed(range(len(files))):
        for offset, line in lines_backwards(files[index].read, files[index].size):
            yield (index, offset), line
