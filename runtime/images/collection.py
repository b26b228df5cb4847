"""Takes away what no image and no container needs any more, and checks that the rest is sound.

A collection has the store to itself: nobody adds blobs that are not named yet. It removes what
cannot be reached from `index.json`, and what a killed process has left half-made, but never a layer
that a container stands on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from attrs import frozen

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.image import Image
from runtime.images.layers import chain_ids
from runtime.images.manifest import Descriptor, Index, read_manifest
from runtime.images.naming import name_of
from runtime.images.store import ImageStore
from runtime.images.usage import layers_in_use
from runtime.locking import locked


@frozen
class Collected:
    """What a collection removed."""

    blobs: tuple[str, ...]
    layers: tuple[str, ...]
    bytes: int


def collect(store: ImageStore, directories: Directories) -> Collected | None:
    """Remove what nothing names; None where somebody adds to the store just now.

    What a manifest that is damaged has named is no more needed than that: its image is lost. Raises
    ImageError where the index cannot be read, and then nothing was removed.
    """
    store.prepare()
    with locked(f"{store.root}/use.lock", wait=False) as ours:
        if not ours:
            return None
        for name in os.listdir(store.blobs.incoming):
            os.unlink(f"{store.blobs.incoming}/{name}")
        entries = store.entries()
        needed = {digest for entry in entries for digest in _needed(store, entry)}
        chains = set(_chains(store, entries))
        used = layers_in_use(directories)
        freed = 0
        blobs = [digest for digest in store.blobs if digest not in needed]
        for digest in blobs:
            freed += store.blobs.remove(digest)
        layers = [
            chain
            for chain in store.layers.names()
            if chain not in chains and store.layers.tree(chain) not in used
        ]
        for chain in layers:
            size = store.layers.size(chain)
            freed += size.files if size is not None else 0
            store.layers.remove(chain)
        return Collected(blobs=tuple(blobs), layers=tuple(layers), bytes=freed)


def _needed(store: ImageStore, entry: Descriptor) -> Iterator[str]:
    yield entry.digest
    try:
        document = read_manifest(store.blobs.read(entry), entry.media_type, entry.digest)
    except ImageError:
        return  # one of another platform that was never fetched, or damaged
    if isinstance(document, Index):
        for inner in document.manifests:
            yield from _needed(store, inner)
    else:
        yield document.config.digest
        yield from (layer.digest for layer in document.layers)


def _chains(store: ImageStore, entries: list[Descriptor]) -> Iterator[str]:
    for entry in entries:
        with suppress(ImageError):  # of another platform, or damaged: it has no layers here
            yield from chain_ids(store.load(entry).configuration.diff_ids)


def users_of(store: ImageStore, image: Image, directories: Directories) -> list[str]:
    """The containers that stand on an image."""
    chains = chain_ids(image.configuration.diff_ids)
    if not chains:
        return []
    return layers_in_use(directories).get(store.layers.tree(chains[-1]), [])


def verify(store: ImageStore) -> Iterator[str]:
    """Read everything that the index names, and say what is not as it should be.

    What is there and not named is no fault: a killed process may have left it.
    """
    try:
        entries = store.entries()
    except ImageError as error:
        yield str(error)
        return
    seen: set[str] = set()
    for entry in entries:
        what = name_of(entry) or entry.digest
        for problem in _verify(store, entry, seen):
            yield f"image {what}: {problem}"
        try:
            store.load(entry)
        except ImageError as error:
            yield f"image {what}: {error}"


def _verify(store: ImageStore, entry: Descriptor, seen: set[str]) -> Iterator[str]:
    if entry.digest in seen:
        return
    seen.add(entry.digest)
    try:
        document = read_manifest(store.blobs.read(entry), entry.media_type, entry.digest)
    except ImageError as error:
        yield str(error)
        return
    if isinstance(document, Index):
        for inner in document.manifests:
            if store.blobs.size(inner.digest) is not None:
                yield from _verify(store, inner, seen)
        return
    for blob in (document.config, *document.layers):
        if blob.digest in seen:
            continue
        seen.add(blob.digest)
        size = store.blobs.size(blob.digest)
        if size is None:
            yield f"blob {blob.digest} is not in the store"
        elif size != blob.size:
            yield f"blob {blob.digest} has {size} bytes, not {blob.size}"
        elif not store.blobs.is_sound(blob):
            yield f"blob {blob.digest} is damaged"
