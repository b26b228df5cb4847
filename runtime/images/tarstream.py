"""Reads a tar archive from front to back, with bounds on everything that it makes us remember.

Nothing is believed about the archive's size: what is asked of the stream is what a header says, up
to the bounds, and an archive that ends in the middle of a member is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from runtime.images.tarheader import (
    BLOCK,
    EXTENSIONS,
    GNU_LINK,
    GNU_NAME,
    GNU_SPARSE,
    PAX_GLOBAL,
    Entry,
    Header,
    TarError,
    combine,
    pairs,
    parse_block,
    parse_pax,
    pax_sparse,
    sparse_block,
    sparse_of_header,
)


@frozen(kw_only=True)
class UnpackLimits:
    """What an archive may ask for at most; beyond it, it is refused."""

    bytes: int = 256 << 30
    """Of the unpacked archive, and of any one file in it, holes included."""
    ratio: int = 500
    """Unpacked bytes for each packed one, once they are more than `ratio_from`."""
    ratio_from: int = 1 << 30
    entries: int = 4_000_000
    header: int = 1 << 20
    """Bytes of one extended header or long name."""
    depth: int = 256
    """Directories on the way to a file."""


class TarStream:
    """The members of an archive, one after the other; the data of one is read before the next."""

    def __init__(self, chunks: Iterable[bytes], limits: UnpackLimits) -> None:
        self._chunks = iter(chunks)
        self._limits = limits
        self._buffer = b""
        self._position = 0
        self._left = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """Every member in order; what was not read of its data is skipped. Raises TarError."""
        common: dict[str, bytes] = {}
        records: dict[str, bytes] = {}
        name = link = b""
        count = 0
        while (block := self._next_block()) is not None:
            header = parse_block(block)
            if header is None:
                break
            if header.kind in EXTENSIONS:
                data = self._extension(header)
                if header.kind == GNU_NAME:
                    name = data.rstrip(b"\0")
                elif header.kind == GNU_LINK:
                    link = data.rstrip(b"\0")
                elif header.kind == PAX_GLOBAL:
                    common |= parse_pax(data)
                else:
                    records = parse_pax(data)
                continue
            count += 1
            if count > self._limits.entries:
                raise TarError(f"archive has more than {self._limits.entries} entries")
            if common:
                records = common | records
            entry = combine(header, records, name, link)
            self._left = entry.size
            self._padding = -entry.size % BLOCK
            if header.kind == GNU_SPARSE or records:
                entry = self._with_map(entry, header, records)
            if entry.real_size > self._limits.bytes:
                raise TarError(f"{entry.path}: is larger than {self._limits.bytes} bytes")
            yield entry
            records, name, link = {}, b"", b""
        self._drain()

    def read(self, most: int) -> bytes:
        """Up to `most` bytes of the current member's data; empty at its end. Raises TarError."""
        size = min(most, self._left)
        if size == 0:
            return b""
        start = self._position
        available = len(self._buffer) - start
        if available == 0:
            self._fill()
            start, available = 0, len(self._buffer)
        size = min(size, available)
        self._position = start + size
        self._left -= size
        return self._buffer[start : start + size]

    def _fill(self) -> None:
        self._buffer = next(self._chunks, b"")
        self._position = 0
        if not self._buffer:
            raise TarError("archive ends in the middle of a member")

    def _exactly(self, size: int) -> bytes:
        start = self._position
        if start + size <= len(self._buffer):
            self._position = start + size
            return self._buffer[start : start + size]
        parts = []
        while size:
            if self._position == len(self._buffer):
                self._fill()
            part = self._buffer[self._position : self._position + size]
            self._position += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        while size:
            if self._position == len(self._buffer):
                self._fill()
            step = min(size, len(self._buffer) - self._position)
            self._position += step
            size -= step

    def _next_block(self) -> bytes | None:
        """The next header; None at the archive's end, also where its end mark is missing."""
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        if self._position == len(self._buffer):
            self._buffer, self._position = next(self._chunks, b""), 0
            if not self._buffer:
                return None
        return self._exactly(BLOCK)

    def _extension(self, header: Header) -> bytes:
        if header.size > self._limits.header:
            raise TarError(f"extended header of {header.size} bytes")
        data = self._exactly(header.size)
        self._skip(-header.size % BLOCK)
        return data

    def _with_map(self, entry: Entry, header: Header, records: dict[str, bytes]) -> Entry:
        """A sparse file with its map, wherever that is kept."""
        if header.kind == GNU_SPARSE:
            numbers, more, size = sparse_of_header(header)
            while more:
                further, more = sparse_block(self._exactly(BLOCK), 0, 21)
                numbers += further
                pairs(numbers)
            return _checked(entry._replace(sparse=pairs(numbers), real_size=size))
        found, in_data, true_size = pax_sparse(records)
        if in_data:
            found = self._map_in_data()
        if found is None:
            return entry
        return _checked(
            entry._replace(
                sparse=pairs(found), real_size=entry.size if true_size is None else true_size
            )
        )

    def _map_in_data(self) -> list[int]:
        """Format 1.0: decimal lines in front of the data, padded to a whole block."""
        text = b""
        wanted = 1
        while text.count(b"\n") < wanted:
            if self._left < BLOCK or len(text) > self._limits.header:
                raise TarError("sparse file has a broken map")
            text += self._exactly(BLOCK)
            self._left -= BLOCK
            first, newline, _ = text.partition(b"\n")
            if newline:
                wanted = 1 + 2 * _line_number(first)
        return [_line_number(line) for line in text.split(b"\n")[1:wanted]]

    def _drain(self) -> None:
        """Take what follows the end mark: it belongs to what the digest is made of."""
        for _ in self._chunks:
            pass
        self._buffer, self._position = b"", 0


def _line_number(line: bytes) -> int:
    if not line.isdigit() or len(line) > 20:
        raise TarError("sparse file has a broken map")
    return int(line)


def _checked(entry: Entry) -> Entry:
    """The entry itself, if its pieces are in order and inside the file. Raises TarError."""
    end = 0
    for offset, length in entry.sparse or ():
        if offset < end:
            raise TarError(f"{entry.path}: sparse file has a broken map")
        end = offset + length
    if end > entry.real_size:
        raise TarError(f"{entry.path}: sparse file has a broken map")
    return entry
