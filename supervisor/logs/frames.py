"""Compressed log files: any part of them can be read without what comes before it.

A file is a row of zstd frames that each hold at most `FRAME` bytes and stand for themselves, and
behind them a table of their sizes (zstd's seekable format), so every zstd program can unpack it.
In front of them stands the inode number of the file that was compressed: whoever had that one
open knows where to go on.
"""

from __future__ import annotations

import itertools
import os
import struct
from bisect import bisect_right

from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from supervisor.logs.errors import LogError

FRAME = 1024 * 1024
LEVEL = 1
"""Logs become about as small as at the usual level 3, in less time."""

_HEAD = struct.Struct("<II")
"""Of a frame that unpacking passes over: magic number, size."""
_ORIGIN_MAGIC = 0x184D2A50
_ORIGIN = struct.Struct("<Q")
_TABLE_MAGIC = 0x184D2A5E
_ENTRY = struct.Struct("<II")
"""Of one frame: size in the file, size of the content."""
_FOOTER = struct.Struct("<IBI")
"""Number of entries, flags, magic number."""
_FOOTER_MAGIC = 0x8F92EAB1


def pack(source: int, target: int) -> None:
    """Compress a whole file into an empty one. Raises OSError."""
    compressor = ZstdCompressor(level=LEVEL, write_checksum=True)
    inode = _ORIGIN.pack(os.fstat(source).st_ino)
    origin = _HEAD.pack(_ORIGIN_MAGIC, _ORIGIN.size) + inode
    _write(target, origin)
    table = [_ENTRY.pack(len(origin), 0)]
    offset = 0
    while block := os.pread(source, FRAME, offset):
        frame = compressor.compress(block)
        _write(target, frame)
        table.append(_ENTRY.pack(len(frame), len(block)))
        offset += len(block)
    footer = _FOOTER.pack(len(table), 0, _FOOTER_MAGIC)
    size = len(table) * _ENTRY.size + _FOOTER.size
    _write(target, b"".join((_HEAD.pack(_TABLE_MAGIC, size), *table, footer)))


class PackedFile:
    """The content of a compressed file that is open as `descriptor`; `path` is for messages.

    Raises LogError where it is damaged.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        sizes = self._read_table()
        self._places = list(itertools.accumulate((packed for packed, _ in sizes), initial=0))
        self._starts = list(itertools.accumulate((content for _, content in sizes), initial=0))
        self.origin = _ORIGIN.unpack(self._read_exactly(_ORIGIN.size, _HEAD.size))[0]
        """The inode number of the file that was compressed."""
        self._unpacked: tuple[int, bytes] = (-1, b"")

    @property
    def size(self) -> int:
        """The bytes of the content."""
        return self._starts[-1]

    def read(self, size: int, offset: int) -> bytes:
        """As os.pread does it: fewer bytes only at the end."""
        end = min(offset + size, self.size)
        parts = []
        while offset < end:
            number = bisect_right(self._starts, offset) - 1
            start = self._starts[number]
            parts.append(self._unpack(number)[offset - start : end - start])
            offset += len(parts[-1])
        return b"".join(parts)

    def _unpack(self, number: int) -> bytes:
        if self._unpacked[0] != number:
            place, following = self._places[number : number + 2]
            size = self._starts[number + 1] - self._starts[number]
            frame = self._read_exactly(following - place, place)
            try:
                content = ZstdDecompressor().decompress(frame, max_output_size=size)
            except ZstdError as error:
                raise self._damaged() from error
            if len(content) != size:
                raise self._damaged()
            self._unpacked = number, content
        return self._unpacked[1]

    def _read_table(self) -> list[tuple[int, int]]:
        end = os.fstat(self._descriptor).st_size - _FOOTER.size
        count, _, magic = _FOOTER.unpack(self._read_exactly(_FOOTER.size, max(0, end)))
        start = end - count * _ENTRY.size
        if magic != _FOOTER_MAGIC or count == 0 or start < 0:
            raise self._damaged()
        table = self._read_exactly(count * _ENTRY.size, start)
        sizes = list(_ENTRY.iter_unpack(table))
        if sum(packed for packed, _ in sizes) + _HEAD.size != start:
            raise self._damaged()
        return sizes

    def _read_exactly(self, size: int, offset: int) -> bytes:
        content = os.pread(self._descriptor, size, offset)
        if len(content) != size:
            raise self._damaged()
        return content

    def _damaged(self) -> LogError:
        return LogError(f"read log {self._path}: it is damaged")


def _write(target: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(target, rest) :]
