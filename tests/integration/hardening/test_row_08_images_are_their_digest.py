"""Row 8: an image is what its digest says, in an archive that is loaded or from a registry."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.collection import collect, verify
from runtime.images.loading import load_archive
from runtime.images.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from runtime.registry.pulling import Wanted, pull
from runtime.registry.settings import Registries
from tests.runtime.images.archives import Member, archive, digest_of, pieces
from tests.runtime.registry.faulty import Faulty, answer, faulty

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


ONLY_IN_AN_ARCHIVE = {"wrong size of the manifest"}
"""A registry's manifest is as long as it is."""


def registry_of(data: bytes) -> Callable[[str, dict[str, str]], bytes]:
    """What a registry answers that has the image of a layout."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    (entry,) = json.loads(files["index.json"])["manifests"]

    def script(path: str, headers: dict[str, str]) -> bytes:
        digest = entry["digest"] if "/manifests/" in path else path.rpartition("/")[2]
        found = files.get(f"blobs/sha256/{digest[7:]}")
        kind = f"Content-Type: {entry['mediaType']}"
        return answer(404) if found is None else answer(200, found, [kind])

    return script


async def pull_from(server: Faulty, store: ImageStore) -> None:
    """Pull the image that a registry on loopback has."""
    access = Access(registries=Registries(), environ={"REGISTRY_AUTH_FILE": "/absent"}, uid=0)
    wanted = Wanted(reference=parse_reference(f"{server.host}/app:x"))
    await pull(store, access, wanted, lambda _layer, _step, _done: None)


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


async def test_the_registry_is_right_where_nothing_is_changed(state: Directories) -> None:
    """So that what is wrong is found by what it says, not by how it is served."""
    state.prepare()
    store = ImageStore(state.state)
    async with faulty(registry_of(layout())) as server:
        await pull_from(server, store)
    assert list(verify(store)) == []
    assert store.layers.names() != []


@pytest.mark.parametrize(
    "data",
    [data for name, data in CASES.items() if name not in ONLY_IN_AN_ARCHIVE],
    ids=[name for name in CASES if name not in ONLY_IN_AN_ARCHIVE],
)
async def test_what_a_registry_may_not_send_is_refused(
    data: bytes, state: Directories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is named, no layer can be used, and a half of it goes with the next collection."""
    monkeypatch.setattr("runtime.registry.session.pause", lambda *_: 0)
    monkeypatch.setattr("runtime.registry.fetching.pause", lambda *_: 0)
    state.prepare()
    store = ImageStore(state.state)
    async with faulty(registry_of(data)) as server:
        with pytest.raises(ImageError, match=f"^{server.host}/app:x: "):
            await pull_from(server, store)
    assert store.entries() == []
    assert store.layers.names() == []
    assert all(name.startswith("half-") for name in os.listdir(store.blobs.incoming))
    assert collect(store, state) is not None
    assert os.listdir(store.blobs.incoming) == []
