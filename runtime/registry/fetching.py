"""Manifests and blobs of a registry, which are what their digests say or are refused.

A blob is written to its sink as it arrives; who owns the sink believes nothing of it unless
`fetch_blob` returns. A transfer that breaks off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from typing import Protocol

import httpx
import trio
from attrs import frozen

from runtime.errors import RegistryError
from runtime.registry.authority import MAX_DOCUMENT
from runtime.registry.body import take_body
from runtime.registry.causes import cause_of
from runtime.registry.retry import ATTEMPTS, pause
from runtime.registry.session import Session

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/(?:[0-9]+|\*)")


class WrongDigest(RegistryError):
    """All of a blob has come, and it is another one."""


class Sink(Protocol):
    """Takes the bytes of a blob, and tells the digest of what it has taken."""

    def write(self, piece: bytes, /) -> object: ...

    @property
    def digest(self) -> str: ...


@frozen(kw_only=True)
class FetchedManifest:
    """The bytes of a manifest or index as they came; `digest` is that of these bytes."""

    media_type: str
    digest: str
    data: bytes


async def fetch_manifest(session: Session, which: str) -> FetchedManifest:
    """The manifest behind a tag or a digest. Raises RegistryError."""
    async with session.get(f"manifests/{which}", {"Accept": ", ".join(MANIFEST_TYPES)}) as answer:
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in MANIFEST_TYPES:
            raise session.error(f"media type {media_type[:100]!r} of the manifest is not supported")
        data = await read_document(session, answer, "the manifest")
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if which.startswith("sha256:") and digest != which:
        raise session.error(f"the manifest {which} came with another digest: {digest}")
    return FetchedManifest(media_type=media_type, digest=digest, data=data)


async def read_document(session: Session, answer: httpx.Response, what: str) -> bytes:
    """The body of an answer that is no blob; `what` names it. Raises RegistryError."""
    data = bytearray()

    def take(piece: bytes) -> None:
        data.extend(piece)
        if len(data) > MAX_DOCUMENT:
            raise session.error(f"{what} is larger than {MAX_DOCUMENT} bytes")

    try:
        await take_body(answer, take)
    except httpx.TransportError as error:
        raise session.error(f"{what} broke off: {cause_of(error)}") from error
    return bytes(data)


class _Transfer:
    """How far a blob has come."""

    def __init__(self, session: Session, digest: str, size: int, sink: Sink, done: int) -> None:
        self.session = session
        self.digest = digest
        self.size = size
        self.sink = sink
        self.done = done

    async def go_on(self) -> None:
        """Fetch what is missing, as far as one answer goes."""
        begin = self.done
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        async with self.session.get(f"blobs/{self.digest}", headers) as answer:
            skip = begin
            if answer.status_code == 206:
                match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
                if match is None or int(match[1]) != begin:
                    raise self.session.error(f"blob {self.digest}: another range than asked for")
                skip = 0
            await take_body(answer, _behind(skip, self._take))

    def _take(self, piece: bytes) -> None:
        if self.done + len(piece) > self.size:
            raise self.session.error(f"blob {self.digest} has more than {self.size} bytes")
        self.sink.write(piece)
        self.done += len(piece)


def _behind(skip: int, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Take what comes behind the first bytes only."""
    left = skip

    def behind(piece: bytes) -> None:
        nonlocal left
        fresh = piece[left:]
        left -= min(left, len(piece))
        take(fresh)

    return behind


async def fetch_blob(session: Session, digest: str, size: int, sink: Sink, done: int = 0) -> None:
    """Write a blob to `sink`, which has `done` bytes of it. Only a return means that it is right.

    Raises RegistryError, and the OSError of the sink.
    """
    transfer = _Transfer(session, digest, size, sink, done)
    failures = 0
    while transfer.done < size:
        before = transfer.done
        problem: httpx.TransportError | None = None
        try:
            await transfer.go_on()
        except httpx.TransportError as error:
            problem = error
        if transfer.done == size:
            break
        failures = 1 if transfer.done > before else failures + 1
        if failures == ATTEMPTS:
            cause = "" if problem is None else f": {cause_of(problem)}"
            raise session.error(f"blob {digest} broke off at {transfer.done} of {size}{cause}")
        await trio.sleep(pause(failures, None, random.random()))
    if sink.digest != digest:
        raise WrongDigest(f"{session.name}: blob {digest} came with another digest: {sink.digest}")
