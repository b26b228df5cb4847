"""One record of a log file: a line of the CRI format, as native/logframe.h describes it.

The exact bytes of a stream are its records' messages in order, with a newline behind each that
is not partial. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import frozen

Stream: TypeAlias = Literal["stdout", "stderr"]

STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
"""In the order of their numbers in the C parts."""

TIME = slice(0, 30)
"""Where a line has its time: RFC 3339 in UTC with nine digits, so that text sorts as time does."""
PREFIX = 40
"""Bytes in front of the message."""
TAG = 38
"""Where a line says whether its message is whole (F) or partial (P)."""

_KINDS: Mapping[bytes, tuple[Stream, bool]] = {
    b"Z stdout F ": ("stdout", False),
    b"Z stdout P ": ("stdout", True),
    b"Z stderr F ": ("stderr", False),
    b"Z stderr P ": ("stderr", True),
}


@frozen
class LogRecord:
    """A piece of output; `partial` says that no newline followed the message."""

    time: str
    stream: Stream
    partial: bool
    message: bytes


def parse_record(line: bytes) -> LogRecord | None:
    """Read a line of a log file, given without its newline; None where it is not a record."""
    kind = _KINDS.get(line[29:PREFIX])
    time = line[TIME]
    if kind is None or time[10:11] != b"T" or not time.isascii():
        return None
    return LogRecord(time.decode(), *kind, line[PREFIX:])
