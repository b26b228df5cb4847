"""An image of the store into a registry: its blobs side by side, its manifests last.

A blob that the registry has is not sent, and one that it has in another repository is taken from
there if it likes. Nothing has a name there before all that it names is there. The store is held
against collections meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial

import trio
from attrs import evolve, field, frozen

from runtime.errors import ImageError
from runtime.images.manifest import Descriptor, Index, Manifest, choose, read_manifest
from runtime.images.naming import name_of
from runtime.images.reference import Reference, parse_reference
from runtime.images.store import ImageStore, own_platform
from runtime.registry.access import Access
from runtime.registry.session import Call, Session
from runtime.registry.uploading import Upload

AT_ONCE = 3
"""Blobs that are sent side by side."""


class PushStep(Enum):
    """How far a layer is, in Docker's words."""

    WAITING = "Waiting"
    PRESENT = "Layer already exists"
    MOUNTED = "Mounted from another repository"
    SENDING = "Pushing"
    DONE = "Pushed"


Report = Callable[[Descriptor, PushStep, int], None]
"""Is told of each layer how far it is, and how many bytes of it have gone."""


@frozen(kw_only=True)
class Pushed:
    """What the registry has now; of an index only our platform where the store has no others."""

    target: Descriptor
    whole: bool


async def push(store: ImageStore, access: Access, reference: Reference, report: Report) -> Pushed:
    """Send the image of this name. Raises ImageError."""
    if reference.tag is None or reference.digest is not None:
        raise ImageError(f"image {reference}: only a name with a tag can be pushed, no digest")
    with store.adding():
        target = store.find(str(reference)).target
        documents = list(_whole(store, target)) or [_own(store, target)]
        manifests = [_document(store, document) for document in documents]
        images = [manifest for manifest in manifests if isinstance(manifest, Manifest)]
        layers = {layer.digest: layer for image in images for layer in image.layers}
        blobs = {image.config.digest: image.config for image in images} | layers
        for blob in blobs.values():
            store.blobs.require(blob)

        def tell(blob: Descriptor, step: PushStep, done: int) -> None:
            if blob.digest in layers:
                report(blob, step, done)

        elsewhere = _elsewhere(store, reference)
        sources = {digest: elsewhere[digest] for digest in blobs if digest in elsewhere}
        reads = sorted(set(sources.values()))
        async with access.session(reference, "pull,push", reads) as session:
            await _Blobs(store, session, sources, tell).send(list(blobs.values()))
            for document in documents[:-1]:
                await _put(store, session, document, document.digest)
            await _put(store, session, documents[-1], reference.tag)
    return Pushed(target=documents[-1], whole=documents[-1].digest == target.digest)


def _document(store: ImageStore, entry: Descriptor) -> Manifest | Index:
    return read_manifest(store.blobs.read(entry), entry.media_type, entry.digest)


def _whole(store: ImageStore, target: Descriptor) -> Iterator[Descriptor]:
    """A manifest, or an index behind all that it names; nothing where some of that is missing."""
    document = _document(store, target)
    if isinstance(document, Index):
        if any(store.blobs.size(entry.digest) is None for entry in document.manifests):
            return
        yield from document.manifests
    yield target


def _own(store: ImageStore, target: Descriptor) -> Descriptor:
    """The manifest for this machine in an index."""
    index = _document(store, target)
    assert isinstance(index, Index), "a manifest is whole"
    return evolve(choose(index, own_platform()), annotations={}, platform=None)


def _elsewhere(store: ImageStore, reference: Reference) -> dict[str, str]:
    """Repositories of the same registry that have layers of the store, by the layers' digests."""
    found: dict[str, str] = {}
    for entry in store.entries():
        name = name_of(entry)
        other = None if name is None else parse_reference(name)
        if other is None or other.domain != reference.domain or other.path == reference.path:
            continue
        with suppress(ImageError):  # one that is damaged is no source
            document = _document(store, entry)
            if isinstance(document, Manifest):
                found.update((layer.digest, other.path) for layer in document.layers)
    return found


async def _put(store: ImageStore, session: Session, document: Descriptor, name: str) -> None:
    call = Call(
        method="PUT",
        url=session.url(f"manifests/{name}"),
        headers={"Content-Type": document.media_type},
        content=store.blobs.read(document),
    )
    async with session.answer(call) as response:
        if response.status_code not in {200, 201}:
            raise await session.refusal(response)
        found = response.headers.get("Docker-Content-Digest", document.digest)
        if found != document.digest:
            raise session.error(f"the registry calls {document.digest} by another digest: {found}")


@frozen
class _Blobs:
    """The blobs of one image on their way out; `sources` are repositories that may have them."""

    store: ImageStore
    session: Session
    sources: Mapping[str, str]
    report: Report
    failures: list[ImageError | OSError] = field(factory=list)

    async def send(self, blobs: list[Descriptor]) -> None:
        """Send what the registry lacks. Raises ImageError or OSError."""
        for blob in blobs:
            self.report(blob, PushStep.WAITING, 0)
        limiter = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for blob in blobs:
                nursery.start_soon(self._attempt, nursery, limiter, partial(self._send, blob))
        if self.failures:
            raise self.failures[0]

    async def _attempt(
        self,
        nursery: trio.Nursery,
        limiter: trio.CapacityLimiter,
        carry_out: Callable[[], Awaitable[None]],
    ) -> None:
        """The first failure ends all the others."""
        try:
            async with limiter:
                await carry_out()
        except (ImageError, OSError) as error:
            self.failures.append(error)
            nursery.cancel_scope.cancel()

    async def _send(self, blob: Descriptor) -> None:
        head = Call(method="HEAD", url=self.session.url(f"blobs/{blob.digest}"))
        async with self.session.answer(head) as response:
            present = response.is_success
        if present:
            self.report(blob, PushStep.PRESENT, blob.size)
            return
        with self.store.blobs.open(blob.digest) as file:
            upload = Upload(
                session=self.session,
                blob=blob,
                file=file,
                told=partial(self.report, blob, PushStep.SENDING),
                source=self.sources.get(blob.digest),
            )
            mounted = await upload.send()
        self.report(blob, PushStep.MOUNTED if mounted else PushStep.DONE, blob.size)
