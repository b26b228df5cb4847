"""A socket that takes entries as the systemd journal does, strictly by its protocol."""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import socket
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self, TypeAlias

Entry: TypeAlias = Mapping[str, bytes]

_SEALED = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class FakeJournal:
    """Listens at `path`; entries wait in the kernel until they are read, and not many do."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(path)
        self.files = 0
        """How many entries came as files."""

    def read(self) -> list[Entry]:
        """All entries that have come since the last call."""
        entries: list[Entry] = []
        while True:
            try:
                datagram, files, _, _ = socket.recv_fds(self.socket, 1 << 20, 4)
            except BlockingIOError:
                return entries
            if files:
                assert datagram == b""
                (file,) = files
                datagram = _content_of(file)
                self.files += 1
            entries.append(dict(parse(datagram)))

    @contextmanager
    def being_read(self) -> Iterator[list[Entry]]:
        """All entries that come meanwhile, complete in the end."""
        entries: list[Entry] = []

        def read() -> None:
            while not entries or "END" not in entries[-1]:
                select.select([self.socket], [], [])
                entries.extend(self.read())

        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            try:
                yield entries
            finally:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                    last.sendto(b"END=\n", self._path)
                reading.result()
                entries.pop()

    def close(self) -> None:
        """Be gone, with the socket's name."""
        self.socket.close()
        os.unlink(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse(datagram: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of an entry."""
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", datagram[:8])
            value, datagram = datagram[8 : 8 + size], datagram[8 + size :]
            assert (len(value), datagram[:1]) == (size, b"\n")
            datagram = datagram[1:]
        assert name
        yield name.decode("ascii"), value


def text_of(entries: list[Entry], stream: str = "stdout") -> bytes:
    """The output that the entries of a stream stand for, the last newline included."""
    return b"".join(
        entry["MESSAGE"] + (b"" if "CONTAINER_PARTIAL_MESSAGE" in entry else b"\n")
        for entry in entries
        if entry["POCKER_STREAM"] == stream.encode()
    )


def _content_of(file: int) -> bytes:
    try:
        assert fcntl.fcntl(file, fcntl.F_GET_SEALS) == _SEALED
        with mmap.mmap(file, 0, prot=mmap.PROT_READ) as content:
            return content[:]
    finally:
        os.close(file)
