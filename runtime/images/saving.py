"""Images into an archive, for Docker and Podman or as an OCI image layout.

What is written is read from the store and hashed on the way: a damaged blob ends it with an error.
The same images make the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from attrs import evolve

from runtime.errors import ImageError
from runtime.images.blobs import ALGORITHM, check_what_came
from runtime.images.document import encode
from runtime.images.image import Image
from runtime.images.layers import LayerArchive, chain_ids
from runtime.images.manifest import OCI_INDEX, Descriptor, Index
from runtime.images.naming import CONTAINERD_NAME, REF_NAME
from runtime.images.reference import parse_reference
from runtime.images.store import LAYOUT, ImageStore

Saved = tuple[Image, Sequence[str]]
"""An image, and the names that it has in the archive."""


def save_layout(store: ImageStore, images: Sequence[Saved], output: IO[bytes]) -> None:
    """Write an OCI image layout, in which digests stay what they are. Raises ImageError."""
    with store.adding(), tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", LAYOUT)
        entries = tuple(entry for image, names in images for entry in _entries(image, names))
        index = Index(media_type=OCI_INDEX, manifests=entries)
        _add(tar, "index.json", encode(index.document()))
        needed = store.reachable([image.target for image, _ in images])
        for blob in {blob.digest: blob for blob in needed}.values():
            name = f"blobs/{ALGORITHM}/{blob.digest.partition(':')[2]}"
            _add_pieces(tar, name, blob.size, _verified(store, blob))


def _entries(image: Image, names: Sequence[str]) -> Iterator[Descriptor]:
    plain = evolve(image.target, annotations={}, platform=None)
    for name in names:
        yield evolve(plain, annotations={REF_NAME: name, CONTAINERD_NAME: name})
    if not names:
        yield plain


def save_docker(store: ImageStore, images: Sequence[Saved], output: IO[bytes]) -> None:
    """Write what `docker load` and `podman load` read: layers unpacked, each once.

    Raises ImageError.
    """
    manifest: list[dict[str, Any]] = []
    written: set[str] = set()
    with store.adding(), tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for image, names in images:
            config = f"{image.id.partition(':')[2]}.json"
            if config not in written:
                _add(tar, config, store.blobs.read(image.manifest.config))
                written.add(config)
            layers = []
            diff_ids = image.configuration.diff_ids
            for layer, diff_id, chain in zip(
                image.manifest.layers, diff_ids, chain_ids(diff_ids), strict=True
            ):
                path = f"{diff_id.partition(':')[2]}.tar"
                layers.append(path)
                if path not in written:
                    size = _archive_size(store, layer, chain, diff_id)
                    _add_pieces(tar, path, size, _unpacked(store, layer, diff_id))
                    written.add(path)
            tags = [_tag(name) for name in names]
            manifest.append({"Config": config, "RepoTags": tags, "Layers": layers})
        _add(tar, "manifest.json", _encode_list(manifest))


def _tag(name: str) -> str:
    """In full, which Docker and Podman take for the same; never with a digest."""
    reference = parse_reference(name)
    if reference.tag is None:
        raise ImageError(f"image {name}: Docker's archive has room for tags, not for digests")
    return f"{reference.name}:{reference.tag}"


def _encode_list(images: Sequence[dict[str, Any]]) -> bytes:
    return b"[" + b",".join(encode(image) for image in images) + b"]"


def _verified(store: ImageStore, blob: Descriptor) -> Iterator[bytes]:
    state, size = hashlib.sha256(), 0
    for piece in store.blobs.pieces(blob.digest):
        state.update(piece)
        size += len(piece)
        yield piece
    check_what_came(f"{ALGORITHM}:{state.hexdigest()}", size, blob)


def _unpacked(store: ImageStore, layer: Descriptor, diff_id: str) -> Iterator[bytes]:
    archive = LayerArchive(store.blobs, layer, store.layers.limits)
    yield from archive.pieces()
    archive.check(diff_id)


def _archive_size(store: ImageStore, layer: Descriptor, chain: str, diff_id: str) -> int:
    """How large a layer is when unpacked, which stands in front of it."""
    known = store.layers.size(chain)
    if known is not None:
        return known.archive
    return sum(map(len, _unpacked(store, layer, diff_id)))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    _add_pieces(tar, name, len(data), [data])


def _add_pieces(tar: tarfile.TarFile, name: str, size: int, pieces: Iterable[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    reader = _Reader(pieces)
    try:
        tar.addfile(info, reader)
    except OSError as error:
        if error.errno is None:  # tarfile's own word for an end that comes too early
            raise ImageError(f"{name}: is shorter than the store says") from error
        raise
    if reader.read(1):
        raise ImageError(f"{name}: is longer than the store says")


class _Reader(io.RawIOBase):
    """The pieces as a file, for tarfile to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        wanted = size
        while wanted:
            if not self._rest:
                self._rest = next(self._pieces, b"")
                if not self._rest:
                    break
            part, self._rest = self._rest[:wanted], self._rest[wanted:]
            wanted -= len(part)
            parts.append(part)
        return b"".join(parts)
