"""The headers of a tar archive, read strictly: ustar, GNU and PAX, one 512-byte block at a time.

Pure. Whatever a header says is checked before it is believed: its checksum, its numbers, and that
what belongs to it is not larger than any honest archive has it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import NamedTuple

BLOCK = 512
REGULAR, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0123456"
CONTIGUOUS, GNU_SPARSE = b"7S"
PAX, PAX_GLOBAL, PAX_SOLARIS, GNU_NAME, GNU_LINK = b"xgXLK"
EXTENSIONS = frozenset((PAX, PAX_GLOBAL, PAX_SOLARIS, GNU_NAME, GNU_LINK))
"""Types of headers that only say something about the next one."""

_XATTR = "SCHILY.xattr."
_FIELDS = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_CHECKSUM = slice(148, 156)
_SPACES = sum(b"        ")
_SPARSE_ITEM = struct.Struct("12s12s")
_OCTAL = re.compile(rb"[0-7]+")
_MAX_SPARSE = 1 << 16


class TarError(ValueError):
    """The archive is damaged, or not one."""


class Entry(NamedTuple):
    """One member. `sparse` are the (offset, length) of what is stored; None for all of it."""

    path: str
    kind: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    """Bytes in the archive."""
    link: str
    major: int
    minor: int
    xattrs: Mapping[str, bytes]
    sparse: tuple[tuple[int, int], ...] | None
    real_size: int


class Header(NamedTuple):
    """A block as it is in the archive, not yet put together with what came before it."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    kind: int
    link: bytes
    major: int
    minor: int
    gnu: bool
    block: bytes


def _text(raw: bytes) -> bytes:
    end = raw.find(b"\0")
    return raw if end < 0 else raw[:end]


def _number(raw: bytes) -> int:
    """Octal digits, or GNU's base-256 where the first bit is set."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 1)) - 1)
        return value - (1 << (8 * len(raw) - 1)) if raw[0] & 0x40 else value
    try:
        return int(raw.rstrip(b"\0 ").lstrip() or b"0", 8)
    except ValueError:
        raise TarError(f"header has {raw!r} for a number") from None


def parse_block(block: bytes) -> Header | None:
    """A header; None for a block of zeros, which ends an archive. Raises TarError."""
    checksum = sum(block)
    if checksum == 0:
        return None
    stored = block[_CHECKSUM]
    digits = stored.strip(b" \0")
    wanted = int(digits, 8) if _OCTAL.fullmatch(digits) else -1
    if checksum - sum(stored) + _SPACES != wanted and _signed_sum(block) != wanted:
        raise TarError("header has a wrong checksum: not a tar archive, or damaged")
    name, mode, uid, gid, size, mtime, _, kind, link, magic, _, _, major, minor, prefix = (
        _FIELDS.unpack(block)
    )
    gnu = magic == b"ustar  \0"
    name = _text(name)
    if magic[:6] == b"ustar\0" and prefix[0]:
        name = _text(prefix) + b"/" + name
    is_device = kind in b"34"
    header = Header(
        name, _number(mode), _number(uid), _number(gid), _number(size), _number(mtime),
        kind[0] or REGULAR, _text(link),
        _number(major) if is_device else 0, _number(minor) if is_device else 0, gnu, block,
    )  # fmt: skip
    if header.size < 0:
        raise TarError("header has a negative size")
    return header


def _signed_sum(block: bytes) -> int:
    """As some old programs summed: bytes above 127 count as negative."""
    signed: tuple[int, ...] = struct.unpack("148b8x356b", block)
    return sum(signed) + _SPACES


def parse_pax(data: bytes) -> dict[str, bytes]:
    """The records of an extended header. Raises TarError."""
    records: dict[str, bytes] = {}
    position = 0
    while position < len(data) and data[position]:
        blank = data.find(b" ", position, position + 20)
        digits = data[position:blank]
        if blank < 0 or not digits.isdigit():
            raise TarError("extended header has a record without a length")
        end = position + int(digits)
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= blank or data[end - 1 : end] != b"\n" or not equals:
            raise TarError("extended header has a broken record")
        name = key.decode("utf-8", "surrogateescape")
        if name in ("GNU.sparse.offset", "GNU.sparse.numbytes") and name in records:
            # The one record that may be there several times: format 0.0 lists its pieces so.
            value = records[name] + b"," + value
        records[name] = value
        position = end
    return records


def _decimal(key: str, raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > 20:
        raise TarError(f"extended header has {raw[:40]!r} for {key}")
    return int(raw)


def _nanoseconds(raw: bytes) -> int:
    """Seconds with a fraction, exactly: a float cannot hold them."""
    text = raw.decode("ascii", "replace")
    negative = text.startswith("-")
    whole, _, fraction = text.lstrip("-").partition(".")
    if not whole.isdigit() or len(whole) > 18 or (fraction and not fraction.isdigit()):
        raise TarError(f"extended header has {raw[:40]!r} for a time")
    value = int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))
    return -value if negative else value


def pairs(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """(offset, length) pieces of a sparse file from a flat list. Raises TarError."""
    if len(numbers) % 2 or len(numbers) > 2 * _MAX_SPARSE:
        raise TarError("sparse file has a broken map")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def sparse_block(block: bytes, start: int, count: int) -> tuple[list[int], bool]:
    """The numbers of an old GNU sparse map in `block`, and whether another block of it follows."""
    numbers: list[int] = []
    for index in range(count):
        offset, length = _SPARSE_ITEM.unpack_from(block, start + 24 * index)
        if not offset[0]:
            break
        numbers += (_number(offset), _number(length))
    return numbers, bool(block[start + 24 * count])


def sparse_of_header(header: Header) -> tuple[list[int], bool, int]:
    """The map in a header of type ``S``: numbers, whether more follow, and the file's true size."""
    numbers, more = sparse_block(header.block, 386, 4)
    return numbers, more, _number(header.block[483:495])


def pax_sparse(records: Mapping[str, bytes]) -> tuple[list[int] | None, bool, int | None]:
    """(map, whether the map is at the front of the data, true size) of a PAX sparse file."""
    size = records.get("GNU.sparse.realsize") or records.get("GNU.sparse.size")
    true_size = None if size is None else _decimal("GNU.sparse.size", size)
    if records.get("GNU.sparse.major") == b"1":
        return None, True, true_size
    if (flat := records.get("GNU.sparse.map")) is not None:
        return [_decimal("GNU.sparse.map", part) for part in flat.split(b",")], False, true_size
    if (offsets := records.get("GNU.sparse.offset")) is not None:
        lengths = records.get("GNU.sparse.numbytes", b"").split(b",")
        numbers: list[int] = []
        for offset, length in zip(offsets.split(b","), lengths, strict=False):
            numbers += (_decimal("offset", offset), _decimal("numbytes", length))
        return numbers, False, true_size
    return None, False, None


def combine(header: Header, records: Mapping[str, bytes], name: bytes, link: bytes) -> Entry:
    """The member that a header and what came before it describe. Raises TarError."""
    path, kind = (name or header.name).decode("utf-8", "surrogateescape"), header.kind
    target = (link or header.link).decode("utf-8", "surrogateescape")
    uid, gid, mtime, size = header.uid, header.gid, header.mtime * 10**9, header.size
    xattrs: dict[str, bytes] = {}
    if records:
        if (raw := records.get("GNU.sparse.name") or records.get("path")) is not None:
            path = raw.decode("utf-8", "surrogateescape")
        if (raw := records.get("linkpath")) is not None:
            target = raw.decode("utf-8", "surrogateescape")
        uid = _decimal("uid", records["uid"]) if "uid" in records else uid
        gid = _decimal("gid", records["gid"]) if "gid" in records else gid
        size = _decimal("size", records["size"]) if "size" in records else size
        mtime = _nanoseconds(records["mtime"]) if "mtime" in records else mtime
        xattrs = {
            key[len(_XATTR) :]: value for key, value in records.items() if key.startswith(_XATTR)
        }
    if kind == CONTIGUOUS:
        kind = REGULAR
    if kind == REGULAR and path.endswith("/"):
        kind = DIRECTORY  # before ustar there was no type for it
    if kind not in (REGULAR, GNU_SPARSE):
        size = 0
    return Entry(
        path, REGULAR if kind == GNU_SPARSE else kind, header.mode & 0o7777, uid, gid, mtime, size,
        target, header.major, header.minor, xattrs, None, size,
    )  # fmt: skip
