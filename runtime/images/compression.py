"""Compressed streams: recognised by their first bytes, unpacked in memory of bounded size.

Decompression happens in this process: no program of the host and nothing of an image is run for it.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar, cast

import zstandard
from isal import igzip_lib, isal_zlib

from runtime.errors import ImageError
from runtime.images.manifest import Packing
from runtime.images.tarstream import UnpackLimits

PIECE = 1 << 18
"""Bytes handled at a time."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
"""A skippable frame of zstd has these behind a first byte of 0x50 to 0x5f."""
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x04\x22\x4d\x18": "lz4"}
# Its stubs call the class an instance.
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)
_WINDOW = 128 << 20
_GZIP_BITS = 31
_ZSTD_BITE = 1 << 10
"""Packed bytes unpacked in one call, which has no bound of its own: four can stand for 128 KiB."""
_AHEAD = 4

T = TypeVar("T")


def recognise(start: bytes) -> Packing:
    """How a stream that begins with `start` is compressed. Raises ImageError."""
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(_ZSTD) or (start[1:4] == _SKIPPABLE and 0x50 <= start[0] <= 0x5F):
        return "zstd"
    for magic, name in _REFUSED.items():
        if start.startswith(magic):
            raise ImageError(f"compressed with {name}; only gzip and zstd are supported")
    return ""


def decompress(chunks: Iterable[bytes], kind: Packing, limits: UnpackLimits) -> Iterator[bytes]:
    """What is in a stream of this kind, piece by piece. Raises ImageError."""
    packed = 0

    def counted() -> Iterator[bytes]:
        nonlocal packed
        for chunk in chunks:
            packed += len(chunk)
            yield chunk

    total = 0
    try:
        for piece in _UNPACKERS[kind](counted()):
            total += len(piece)
            _check_bounds(packed, total, limits)
            yield piece
    except (_ISAL_ERROR, zlib.error, zstandard.ZstdError) as error:
        raise ImageError(f"{kind} stream is damaged: {error}") from error


def _check_bounds(packed: int, total: int, limits: UnpackLimits) -> None:
    if total > limits.bytes:
        raise ImageError(f"unpacks to more than {limits.bytes} bytes")
    if total > limits.ratio_from and total > packed * limits.ratio:
        raise ImageError(f"unpacks to more than {limits.ratio} times its size")


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    machine = isal_zlib.decompressobj(_GZIP_BITS)
    begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if machine.eof:
                if not rest.strip(b"\0"):
                    break  # padding, as tape drives leave it
                machine = isal_zlib.decompressobj(_GZIP_BITS)
            begun = True
            piece = machine.decompress(rest, PIECE)
            if piece:
                yield piece
            rest = machine.unused_data if machine.eof else machine.unconsumed_tail
        while not machine.eof and (piece := machine.decompress(b"", PIECE)):
            yield piece
    if begun and not machine.eof:
        raise ImageError("gzip stream ends too early")


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    machine = _frame()
    begun = False
    made = bytearray()
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_BITE):
            rest = chunk[start : start + _ZSTD_BITE]
            while rest:
                if machine.eof:
                    machine = _frame()
                begun = True
                made += machine.decompress(rest)
                rest = machine.unused_data if machine.eof else b""
            if len(made) >= PIECE:
                yield bytes(made)
                made.clear()
    if begun and not machine.eof:
        raise ImageError("zstd stream ends too early")
    if made:
        yield bytes(made)


def _frame() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()


_UNPACKERS: Mapping[Packing, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "": iter,
    "gzip": _gunzip,
    "zstd": _unzstd,
}


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made by a thread of their own a few items ahead of who takes them."""

    def take() -> list[T]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, "ahead") as pool:
        pending = deque(pool.submit(take) for _ in range(_AHEAD))
        while taken := pending.popleft().result():
            pending.append(pool.submit(take))
            yield from taken
