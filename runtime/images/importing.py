"""From a tar archive of a root file system to an image of one layer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runtime.errors import ImageError
from runtime.images.changes import apply_changes
from runtime.images.compression import recognise
from runtime.images.config import ImageConfig, write_config
from runtime.images.document import encode
from runtime.images.image import Image
from runtime.images.manifest import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    platform_of_machine,
)
from runtime.images.store import ImageStore


def import_archive(
    store: ImageStore,
    pieces: Iterable[bytes],
    *,
    names: Sequence[str] = (),
    changes: Sequence[str] = (),
    message: str = "",
    created: str,
) -> Image:
    """Keep an archive, compressed or not, as the only layer of a new image. Raises ImageError."""
    config = apply_changes(ImageConfig(), changes)
    with store.adding():
        with store.blobs.writer() as writer:
            first = b""
            for piece in pieces:
                first = first or piece
                writer.write(piece)
            if not first:
                raise ImageError("the archive is empty")
            packing = recognise(first)
            kept = store.blobs.keep(writer)
        media_type = f"{OCI_LAYER}+{packing}" if packing else OCI_LAYER
        layer = Descriptor(media_type=media_type, digest=kept.digest, size=kept.size)
        diff_id = store.layers.add(layer)
        history = {"created": created, "created_by": "pocker import", "comment": message}
        machine = platform_of_machine(os.uname().machine)
        document: Mapping[str, Any] = {
            "created": created,
            "architecture": machine.architecture,
            "os": machine.os,
            "config": write_config(config),
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{key: value for key, value in history.items() if value}],
        }
        target = add_image(store, document, [layer])
        full = store.add(target, names)
    return store.unpacked(store.find(full[0] if full else target.digest))


def add_image(
    store: ImageStore, configuration: Mapping[str, Any], layers: Sequence[Descriptor]
) -> Descriptor:
    """Write the configuration and the manifest of an image whose layers are in the store."""
    config = store.blobs.add(encode(configuration), OCI_CONFIG)
    manifest = Manifest(media_type=OCI_MANIFEST, config=config, layers=tuple(layers))
    return store.blobs.add(encode(manifest.document()), OCI_MANIFEST)
