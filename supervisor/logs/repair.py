"""A log file that ends in a torn record, made whole: what to go on from without a spool.

A spool knows better (native/logpump.h). It is missing only where the file was left by another
version of this program, or by a machine that went down.
"""

from __future__ import annotations

import os
from functools import partial

from supervisor.logs.files import Read, lines_backwards
from supervisor.logs.records import PREFIX, STREAMS, TAG, parse_record

_LOOK_BACK = 1024 * 1024
"""Bytes within which a stream's last record is looked for."""


def repair(descriptor: int) -> tuple[int, int]:
    """Make the file end with a whole record; returns its size and the streams in mid-line.

    A torn record that has its whole prefix keeps the bytes that are there and becomes a partial
    one, because no newline is known to follow; one without is cut off. The streams are bits, in
    the order of `STREAMS`.
    """
    read = partial(os.pread, descriptor)
    size = _mend_tail(descriptor, read, os.fstat(descriptor).st_size)
    return size, _open_streams(read, size)


def _mend_tail(descriptor: int, read: Read, size: int) -> int:
    last = next(lines_backwards(read, size), None)
    whole = 0 if last is None else last[0] + len(last[1]) + 1
    start = read(PREFIX + 1, whole)
    if len(start) <= PREFIX or parse_record(start) is None:
        os.ftruncate(descriptor, whole)
        return whole
    os.pwrite(descriptor, b"P", whole + TAG)
    os.pwrite(descriptor, b"\n", size)
    return size + 1


def _open_streams(read: Read, size: int) -> int:
    partial: dict[str, bool] = {}
    for offset, line in lines_backwards(read, size):
        record = parse_record(line)
        if record is not None:
            partial.setdefault(record.stream, record.partial)
        if len(partial) == len(STREAMS) or offset < size - _LOOK_BACK:
            break
    return sum(1 << number for number, name in enumerate(STREAMS) if partial.get(name))
