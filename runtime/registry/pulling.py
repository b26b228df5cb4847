"""An image from a registry into the store: its documents first, then its layers side by side.

Each blob goes from the socket into a file beside its place, hashed on the way, and has its name
only once it is whole; half of one is kept for the next attempt. A layer is unpacked while the next
ones come. The image gets its name last, and the store is held against collections until then: so a
kill at any point leaves the old image, or the new one, and blobs that the next attempt finds again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import Enum
from functools import partial

import trio
from attrs import evolve, field, frozen

from runtime.errors import ImageError, RegistryError
from runtime.images.blobs import BlobWriter, check_bytes
from runtime.images.config import Configuration, read_configuration
from runtime.images.document import MAX_DOCUMENT
from runtime.images.halves import resumed
from runtime.images.image import Image
from runtime.images.layers import chain_ids
from runtime.images.manifest import (
    Descriptor,
    Index,
    Manifest,
    Platform,
    choose,
    fits,
    read_manifest,
)
from runtime.images.naming import name_of
from runtime.images.reference import Reference
from runtime.images.store import ImageStore, own_platform
from runtime.registry.access import Access
from runtime.registry.fetching import FetchedManifest, WrongDigest, fetch_blob, fetch_manifest
from runtime.registry.session import Session

AT_ONCE = 3
"""Layers that come side by side."""


class Step(Enum):
    """How far a layer is, in Docker's words."""

    WAITING = "Pulling fs layer"
    PRESENT = "Already exists"
    FETCHING = "Downloading"
    FETCHED = "Download complete"
    UNPACKING = "Extracting"
    DONE = "Pull complete"


Report = Callable[[Descriptor, Step, int], None]
"""Is told of each layer how far it is, and how many bytes of it have come."""


@frozen(kw_only=True)
class Pulled:
    """What a pull has brought. `news` tells whether the name meant another image before, or none.

    `digest` is that of the registry: of an index where the image is for several platforms.
    """

    image: Image
    digest: str
    news: bool


@frozen(kw_only=True)
class Wanted:
    """What is to be pulled; the machine's own platform where the user named none."""

    reference: Reference
    platform: Platform | None = None

    @property
    def name(self) -> str:
        """What the image is called in the store: with a digest, which outweighs it, without tag."""
        reference = self.reference
        return str(evolve(reference, tag=None) if reference.digest else reference)


async def pull(store: ImageStore, access: Access, wanted: Wanted, report: Report) -> Pulled:
    """Bring an image, from the first of its mirrors that can give it, else from its registry.

    Raises RegistryError with what each of them said, or ImageError for what is wrong here.
    """
    try:
        return await access.first(wanted.reference, partial(_pull, store, wanted, report))
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise ImageError(f"{wanted.reference}: write to the image store: {cause}") from error


async def _pull(store: ImageStore, wanted: Wanted, report: Report, session: Session) -> Pulled:
    reference = wanted.reference
    with store.adding():
        found = await fetch_manifest(session, reference.digest or reference.tag or "")
        try:
            chosen = await _choose(session, found, wanted.platform)
            manifest = _read(chosen.document)
            await _fetch_config(store, session, manifest)
            configuration = _configuration(store, manifest, wanted.platform)
            await _Layers(store, session, manifest, configuration.diff_ids, report).fetch()
        except RegistryError:
            raise
        except ImageError as error:
            raise session.error(str(error)) from error
        for document in {found.digest: found, chosen.document.digest: chosen.document}.values():
            store.blobs.add(document.data, document.media_type)
        target = _descriptor(found if chosen.is_of_machine else chosen.document)
        before = {entry.digest for entry in store.entries() if name_of(entry) == wanted.name}
        store.add(target, [wanted.name])
        image = store.find(wanted.name)
    return Pulled(image=image, digest=found.digest, news=before != {target.digest})


@frozen(kw_only=True)
class _Chosen:
    """A manifest, and whether this machine would have chosen it by itself."""

    document: FetchedManifest
    is_of_machine: bool


async def _choose(session: Session, found: FetchedManifest, platform: Platform | None) -> _Chosen:
    """The manifest for a platform, which may be what was found already. Raises ImageError."""
    document = read_manifest(found.data, found.media_type, found.digest)
    if isinstance(document, Manifest):
        return _Chosen(document=found, is_of_machine=True)
    own = own_platform()
    descriptor = choose(document, platform or own)
    inner = await fetch_manifest(session, descriptor.digest)
    check_bytes(inner.data, descriptor)
    if inner.media_type != descriptor.media_type:
        raise ImageError(
            f"manifest {descriptor.digest}: came as {inner.media_type}, and the index calls it"
            f" {descriptor.media_type[:100]!r}"
        )
    return _Chosen(document=inner, is_of_machine=platform in {None, own})


def _read(found: FetchedManifest) -> Manifest:
    document = read_manifest(found.data, found.media_type, found.digest)
    if isinstance(document, Index):
        raise ImageError(f"manifest {found.digest}: an index in an index")
    return document


def _descriptor(found: FetchedManifest) -> Descriptor:
    return Descriptor(media_type=found.media_type, digest=found.digest, size=len(found.data))


async def _fetch_config(store: ImageStore, session: Session, manifest: Manifest) -> None:
    if manifest.config.size > MAX_DOCUMENT:
        raise ImageError(f"config {manifest.config.digest} is larger than {MAX_DOCUMENT} bytes")
    try:
        store.blobs.read(manifest.config)
    except ImageError:  # absent, or damaged
        await _fetch(store, session, manifest.config, lambda _: None)


def _configuration(
    store: ImageStore, manifest: Manifest, platform: Platform | None
) -> Configuration:
    """The configuration, which must fit the manifest and what the user asked for."""
    config = manifest.config
    configuration = read_configuration(store.blobs.read(config), config.digest)
    if len(configuration.diff_ids) != len(manifest.layers):
        raise ImageError(
            f"config {config.digest} has {len(configuration.diff_ids)} layers,"
            f" and the manifest {len(manifest.layers)}"
        )
    made_for = Platform(
        os=configuration.os,
        architecture=configuration.architecture,
        variant=configuration.variant,
    )
    if platform is not None and not fits(made_for, evolve(platform, variant="")):
        raise ImageError(f"is for {made_for}, not for {platform}")
    return configuration


async def _fetch(
    store: ImageStore, session: Session, blob: Descriptor, told: Callable[[int], None]
) -> None:
    """Bring a blob, or what a former attempt has not brought. Raises ImageError or OSError."""
    with resumed(store.blobs, blob) as writer:
        await trio.to_thread.run_sync(writer.take_over, blob.size)
        begun = writer.size
        sink = _Sink(writer, told)
        try:
            await fetch_blob(session, blob.digest, blob.size, sink, begun)
        except WrongDigest:
            if not begun:
                raise
            writer.restart()  # what was left may have suffered since
            await fetch_blob(session, blob.digest, blob.size, sink)
        # Making it durable takes as long as the disk does.
        await trio.to_thread.run_sync(store.blobs.keep, writer, blob)


@frozen
class _Sink:
    """A blob on its way in, which tells how far it has come."""

    writer: BlobWriter
    told: Callable[[int], None]

    def write(self, piece: bytes, /) -> None:
        self.writer.write(piece)
        self.told(self.writer.size)

    @property
    def digest(self) -> str:
        return self.writer.digest


@frozen
class _Layers:
    """The layers of one image on their way in."""

    store: ImageStore
    session: Session
    manifest: Manifest
    diff_ids: tuple[str, ...]
    report: Report
    failures: list[ImageError | OSError] = field(factory=list)
    present: set[str] = field(factory=set)
    """Layers that were whole and unpacked before."""

    async def fetch(self) -> None:
        """Bring all of them and unpack each. Raises ImageError or OSError."""
        layers = {layer.digest: layer for layer in self.manifest.layers}
        came = {digest: trio.Event() for digest in layers}
        unpacked = set(self._unpacked())
        for digest, layer in layers.items():
            if digest not in unpacked:
                self.report(layer, Step.WAITING, 0)
        limiter = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for digest, layer in layers.items():
                is_unpacked = digest in unpacked
                bring = partial(self._bring, layer, limiter, came[digest], unpacked=is_unpacked)
                nursery.start_soon(self._attempt, nursery, bring)
            nursery.start_soon(self._attempt, nursery, partial(self._unpack, came))
        if self.failures:
            raise self.failures[0]

    def _unpacked(self) -> Iterator[str]:
        """The layers that seem to be there and are unpacked, from the lowest up."""
        for layer, chain in zip(self.manifest.layers, chain_ids(self.diff_ids), strict=True):
            if self.store.layers.size(chain) is None:
                return
            if self.store.blobs.size(layer.digest) != layer.size:
                return
            yield layer.digest

    async def _attempt(
        self, nursery: trio.Nursery, carry_out: Callable[[], Awaitable[None]]
    ) -> None:
        """The first failure ends all the others."""
        try:
            await carry_out()
        except (ImageError, OSError) as error:
            self.failures.append(error)
            nursery.cancel_scope.cancel()

    async def _bring(
        self,
        layer: Descriptor,
        limiter: trio.CapacityLimiter,
        came: trio.Event,
        *,
        unpacked: bool,
    ) -> None:
        """Have a layer's blob, which is read even where the layer is unpacked: others need it."""
        async with limiter:
            if await trio.to_thread.run_sync(self.store.blobs.is_sound, layer):
                if unpacked:
                    self.present.add(layer.digest)
                    self.report(layer, Step.PRESENT, 0)
            else:
                tell = partial(self.report, layer, Step.FETCHING)
                await _fetch(self.store, self.session, layer, tell)
                self.report(layer, Step.FETCHED, layer.size)
        came.set()

    async def _unpack(self, came: Mapping[str, trio.Event]) -> None:
        """Unpack the layers in their order, each as soon as it has come."""
        for count, layer in enumerate(self.manifest.layers, 1):
            await came[layer.digest].wait()
            if layer.digest in self.present:
                continue
            self.report(layer, Step.UNPACKING, layer.size)
            layers, diff_ids = self.manifest.layers[:count], self.diff_ids[:count]
            await trio.to_thread.run_sync(self.store.layers.ensure, layers, diff_ids)
            self.report(layer, Step.DONE, layer.size)
