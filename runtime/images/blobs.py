"""The blobs of an OCI image layout: files named after the digest of what is in them.

A blob appears whole or not at all: it is written beside its place, made durable, and renamed. What
is read as a document is hashed before anybody looks at it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from attrs import define, field, frozen

from runtime.errors import ImageError
from runtime.images.compression import PIECE
from runtime.images.document import MAX_DOCUMENT, check_digest
from runtime.images.manifest import Descriptor
from runtime.replacing import sync_directory

ALGORITHM = "sha256"


@define(eq=False)
class BlobWriter:
    """A blob on its way in. Nothing of it is seen before `Blobs.keep`."""

    path: str
    _fd: int
    size: int = 0
    _hash: hashlib._Hash = field(factory=hashlib.sha256)

    def write(self, piece: bytes) -> None:
        """Add to it. Raises OSError."""
        self._hash.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._fd, view) :]
        self.size += len(piece)

    def take_over(self, most: int) -> None:
        """Go on behind what a former attempt has left; from the start where that is too much."""
        while piece := os.read(self._fd, PIECE):
            self._hash.update(piece)
            self.size += len(piece)
        if self.size > most:
            self.restart()

    def restart(self) -> None:
        """Forget all that was written. Raises OSError."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """Of what was written up to now."""
        return f"{ALGORITHM}:{self._hash.hexdigest()}"

    def sync(self) -> None:
        """Make it durable."""
        os.fsync(self._fd)


@frozen
class Blobs:
    """`root` is an image layout; `incoming` a directory beside it for what is not whole yet."""

    root: str
    incoming: str

    @property
    def directory(self) -> str:
        """Where the blobs lie."""
        return f"{self.root}/blobs/{ALGORITHM}"

    def path(self, digest: str) -> str:
        """Where a blob is, or would be."""
        return f"{self.directory}/{check_digest(digest).partition(':')[2]}"

    def size(self, digest: str) -> int | None:
        """How large it is; None where there is none."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            return None

    def require(self, descriptor: Descriptor) -> None:
        """Raises ImageError where the blob is missing or has another size."""
        size = self.size(descriptor.digest)
        if size is None:
            raise ImageError(f"blob {descriptor.digest} is not in the store")
        if size != descriptor.size:
            raise ImageError(f"blob {descriptor.digest} has {size} bytes, not {descriptor.size}")

    def __iter__(self) -> Iterator[str]:
        """The digests of all blobs."""
        for name in os.listdir(self.directory):
            yield f"{ALGORITHM}:{name}"

    def read(self, descriptor: Descriptor) -> bytes:
        """A document, which is what its digest says. Raises ImageError."""
        if descriptor.size > MAX_DOCUMENT:
            raise ImageError(f"blob {descriptor.digest} is too large for a document")
        try:
            with open(self.path(descriptor.digest), "rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            raise ImageError(f"blob {descriptor.digest} is not in the store") from None
        check_bytes(data, descriptor)
        return data

    def open(self, digest: str) -> BinaryIO:
        """A blob as a file, not verified. Raises ImageError."""
        try:
            return open(self.path(digest), "rb")
        except FileNotFoundError:
            raise ImageError(f"blob {digest} is not in the store") from None

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The bytes of a blob, not verified. Raises ImageError."""
        with self.open(digest) as file:
            while piece := file.read(PIECE):
                yield piece

    def is_sound(self, descriptor: Descriptor) -> bool:
        """Whether a blob is there and is what its digest says; it is read to its end."""
        if self.size(descriptor.digest) != descriptor.size:
            return False
        state = hashlib.sha256()
        for piece in self.pieces(descriptor.digest):
            state.update(piece)
        return descriptor.digest == f"{ALGORITHM}:{state.hexdigest()}"

    def start(self, digest: str) -> bytes:
        """The first bytes of a blob."""
        return next(self.pieces(digest), b"")[:16]

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """A new blob; gone at the end unless it was kept."""
        path = f"{self.incoming}/{secrets.token_hex(8)}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield BlobWriter(path, fd)
        finally:
            os.close(fd)
            with suppress(FileNotFoundError):
                os.unlink(path)

    def keep(self, writer: BlobWriter, expected: Descriptor | None = None) -> Descriptor:
        """Put what was written in its place, if it is what was expected. Raises ImageError."""
        if expected is not None:
            check_what_came(writer.digest, writer.size, expected)
        writer.sync()
        os.rename(writer.path, self.path(writer.digest))
        sync_directory(self.directory)
        return Descriptor(
            media_type="" if expected is None else expected.media_type,
            digest=writer.digest,
            size=writer.size,
        )

    def add(self, data: bytes, media_type: str) -> Descriptor:
        """Keep a document; returns what names it."""
        with self.writer() as writer:
            writer.write(data)
            kept = self.keep(writer)
        return Descriptor(media_type=media_type, digest=kept.digest, size=kept.size)

    def remove(self, digest: str) -> int:
        """Remove one; returns its size."""
        size = self.size(digest) or 0
        with suppress(FileNotFoundError):
            os.unlink(self.path(digest))
        return size


def check_what_came(digest: str, size: int, expected: Descriptor) -> None:
    """Compare what came with what was asked for. Raises ImageError."""
    if size != expected.size:
        raise ImageError(f"blob {expected.digest} has {size} bytes, not {expected.size}")
    if digest != expected.digest:
        raise ImageError(f"blob {expected.digest} has another digest: {digest}")


def check_bytes(data: bytes, descriptor: Descriptor) -> None:
    """Raises ImageError where these are not the bytes of this descriptor."""
    digest = f"{ALGORITHM}:{hashlib.sha256(data).hexdigest()}"
    check_what_came(digest, len(data), descriptor)
