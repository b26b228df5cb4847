"""Images out of an archive: what `docker save` and `podman save` write, or an OCI image layout.

The archive is read once, from front to back, and each file of it becomes a blob as it comes, so
nothing is written twice. What it says is believed where digests agree, and an image gets its names
once its layers are unpacked. An archive that breaks off leaves blobs that nothing names.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain as joined

from attrs import evolve, field, frozen

from runtime.errors import ImageError
from runtime.images.blobs import ALGORITHM
from runtime.images.compression import PIECE, decompress, recognise
from runtime.images.document import MAX_DOCUMENT, encode, parse, take, take_list
from runtime.images.image import Image
from runtime.images.manifest import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Descriptor, Manifest
from runtime.images.naming import CONTAINERD_NAME, is_image_name, name_of
from runtime.images.store import ImageStore
from runtime.images.tarheader import REGULAR, SYMLINK, Entry, TarError
from runtime.images.tarstream import TarStream

_DOCUMENTS = ("index.json", "manifest.json", "oci-layout")
_BLOBS = f"blobs/{ALGORITHM}/"


@frozen
class _Contents:
    """What an archive holds: documents, blobs by path, and links between paths."""

    documents: dict[str, bytes] = field(factory=dict)
    blobs: dict[str, Descriptor] = field(factory=dict)
    links: dict[str, str] = field(factory=dict)

    def blob(self, path: str) -> Descriptor:
        """The blob at a path, through one link at most. Raises ImageError."""
        place = posixpath.normpath(path)
        place = self.links.get(place, place)
        if place not in self.blobs:
            raise ImageError(f"the archive lacks {path[:200]!r}")
        return self.blobs[place]


def load_archive(store: ImageStore, pieces: Iterable[bytes]) -> list[Image]:
    """Add all images of an archive, compressed or not. Raises ImageError."""
    with store.adding():
        try:
            contents = _read(store, pieces)
            targets = list(_targets(store, contents))
        except TarError as error:
            raise ImageError(f"the archive: {error}") from error
        if not targets:
            raise ImageError("the archive holds no image")
        images = []
        for target, names in targets:
            image = store.unpacked(store.load(target))
            images.append(evolve(image, names=store.add(target, names)))
    return images


def _read(store: ImageStore, pieces: Iterable[bytes]) -> _Contents:
    source = iter(pieces)
    first = next(source, b"")
    if not first:
        raise ImageError("the archive is empty")
    limits = store.layers.limits
    stream = TarStream(decompress(joined((first,), source), recognise(first), limits), limits)
    contents = _Contents()
    for entry in stream.entries():
        path = posixpath.normpath(entry.path)
        if entry.kind == SYMLINK:
            beside = posixpath.join(posixpath.dirname(path), entry.link)
            contents.links[path] = posixpath.normpath(beside)
        elif entry.kind == REGULAR and path in _DOCUMENTS:
            contents.documents[path] = _document(stream, entry)
        elif entry.kind == REGULAR:
            contents.blobs[path] = _blob(store, stream, path)
    return contents


def _document(stream: TarStream, entry: Entry) -> bytes:
    if entry.size > MAX_DOCUMENT:
        raise TarError(f"{entry.path}: is larger than {MAX_DOCUMENT} bytes")
    return b"".join(iter(lambda: stream.read(PIECE), b""))


def _blob(store: ImageStore, stream: TarStream, path: str) -> Descriptor:
    with store.blobs.writer() as writer:
        while piece := stream.read(PIECE):
            writer.write(piece)
        if path.startswith(_BLOBS) and writer.digest != f"{ALGORITHM}:{path[len(_BLOBS) :]}":
            raise ImageError(f"blob {path} of the archive has another digest: {writer.digest}")
        return store.blobs.keep(writer)


def _targets(
    store: ImageStore, contents: _Contents
) -> Iterator[tuple[Descriptor, tuple[str, ...]]]:
    """What is to be named, and how. A layout keeps the digests of manifests, so it goes first."""
    if "index.json" in contents.documents and "oci-layout" in contents.documents:
        index = parse(contents.documents["index.json"], "index.json of the archive")
        for entry in take_list(index, "manifests", dict):
            target = Descriptor.read(entry)
            yield evolve(target, annotations={}, platform=None), _names(target)
    elif "manifest.json" in contents.documents:
        for image in _docker_images(contents.documents["manifest.json"]):
            tags = tuple(take_list(image, "RepoTags", str))
            yield _assemble(store, contents, image), tags


def _names(target: Descriptor) -> tuple[str, ...]:
    """The name in a layout's index, if it is more than a tag."""
    name = target.annotations.get(CONTAINERD_NAME) or name_of(target) or ""
    complete = any(character in name for character in "/:@") and is_image_name(name)
    return (name,) if complete else ()


def _docker_images(data: bytes) -> list[Mapping[str, object]]:
    # A list, and the reader of documents wants an object: one that is strict in all else.
    wrapped = parse(b'{"images":' + data + b"}", "manifest.json of the archive")
    return take_list(wrapped, "images", dict)


def _assemble(store: ImageStore, contents: _Contents, image: Mapping[str, object]) -> Descriptor:
    """A manifest for an image of Docker's archive, which has none; always the same for the same."""
    config = evolve(contents.blob(take(image, "Config", str, "")), media_type=OCI_CONFIG)
    layers = []
    for path in take_list(image, "Layers", str):
        blob = contents.blob(path)
        packing = recognise(store.blobs.start(blob.digest))
        layers.append(evolve(blob, media_type=f"{OCI_LAYER}+{packing}" if packing else OCI_LAYER))
    manifest = Manifest(media_type=OCI_MANIFEST, config=config, layers=tuple(layers))
    return store.blobs.add(encode(manifest.document()), OCI_MANIFEST)
