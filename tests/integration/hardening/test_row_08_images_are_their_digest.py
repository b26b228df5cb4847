"""Row 8: an image is what its digest says, for an archive that is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.loading import load_archive
from runtime.images.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from runtime.images.store import ImageStore
from tests.runtime.images.archives import Member, archive, digest_of, pieces

pytestmark = pytest.mark.root

LAYER = archive(Member(name="hello", content=b"hi"))
Document = dict[str, Any]


def descriptor(data: bytes, media_type: str) -> Document:
    """What names these bytes."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def layout(
    *,
    config: Callable[[Document], object] = lambda document: document,
    manifest: Callable[[Document], object] = lambda document: document,
    entry: Callable[[Document], object] = lambda document: document,
    raw: Callable[[bytes], bytes] = lambda data: data,
    lie: dict[bytes, bytes] | None = None,
) -> bytes:
    """An image layout that is right but for what these change; `lie` changes bytes of blobs."""

    def written(document: Document, change: Callable[[Document], object]) -> bytes:
        changed = change(document)
        return json.dumps(document if changed is None else changed).encode()

    rootfs = {"type": "layers", "diff_ids": [digest_of(LAYER)]}
    config_data = written({"architecture": "amd64", "os": "linux", "rootfs": rootfs}, config)
    document: Document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config_data, OCI_CONFIG),
        "layers": [descriptor(LAYER, OCI_LAYER)],
    }
    manifest_data = raw(written(document, manifest))
    index = {"manifests": [json.loads(written(descriptor(manifest_data, OCI_MANIFEST), entry))]}
    blobs = [config_data, LAYER, manifest_data]
    members = [
        Member(name=f"blobs/sha256/{digest_of(blob)[7:]}", content=(lie or {}).get(blob, blob))
        for blob in blobs
    ]
    fixed = [
        Member(name="oci-layout"),
        Member(name="index.json", content=json.dumps(index).encode()),
    ]
    return archive(*fixed, *members)


CASES = {
    "manifest and index at once": layout(manifest=lambda d: d.update(manifests=[])),
    "another type inside": layout(manifest=lambda d: d.update(mediaType=OCI_INDEX)),
    "another type outside": layout(entry=lambda d: d.update(mediaType=OCI_INDEX)),
    "a key twice": layout(raw=lambda data: data[:-1] + b',"layers":[]}'),
    "not a number": layout(raw=lambda data: data[:-1] + b',"x":NaN}'),
    "too deep": layout(raw=lambda data: data[:-1] + b',"x":' + b"[" * 90000 + b"]" * 90000 + b"}"),
    "wrong digest of a layer": layout(lie={LAYER: LAYER.replace(b"hi", b"ho")}),
    "short layer": layout(lie={LAYER: LAYER[:-512]}),
    "wrong size of the manifest": layout(entry=lambda d: d.update(size=d["size"] + 1)),
    "wrong size of a layer": layout(manifest=lambda d: d["layers"][0].update(size=7)),
    "unknown layer type": layout(manifest=lambda d: d["layers"][0].update(mediaType="text/plain")),
    "layer of another kind": layout(
        manifest=lambda d: d["layers"][0].update(mediaType=f"{OCI_LAYER}+gzip")
    ),
    "wrong diff id": layout(
        config=lambda d: d["rootfs"].update(diff_ids=[digest_of(b"something else")])
    ),
    "diff id missing": layout(config=lambda d: d["rootfs"].update(diff_ids=[])),
    "weak digest": layout(manifest=lambda d: d["layers"][0].update(digest="md5:" + "a" * 32)),
    "path for a digest": layout(
        manifest=lambda d: d["layers"][0].update(digest="sha256:../../../etc/passwd")
    ),
}


def test_the_image_is_right_where_nothing_is_changed(state: Directories) -> None:
    """So that the others are refused for what is wrong with them."""
    state.prepare()
    (image,) = load_archive(ImageStore(state.state), pieces(layout()))
    assert image.layers


@pytest.mark.parametrize("data", CASES.values(), ids=CASES)
def test_what_is_not_what_it_says_is_refused(data: bytes, state: Directories) -> None:
    """Nothing is named, and no layer can be used."""
    state.prepare()
    store = ImageStore(state.state)
    with pytest.raises(ImageError):
        load_archive(store, pieces(data, 1 << 16))
    assert store.entries() == []
    assert store.layers.names() == []
