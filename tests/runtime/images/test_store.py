"""The store names images, keeps what is needed, and trusts nothing that it has not read."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard
from attrs import evolve

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.collection import collect, verify
from runtime.images.importing import import_archive
from runtime.images.manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Descriptor
from runtime.images.store import ImageStore
from runtime.images.tarstream import UnpackLimits
from runtime.images.usage import note_layers
from tests.runtime.images.archives import Member, add_image, archive, digest_of, pieces, put

pytestmark = pytest.mark.root

CREATED = "2024-01-02T03:04:05Z"
ROOT = archive(Member(name="hello", content=b"hi"))


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """Give the places of a supervisor."""
    made = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    made.prepare()
    return made


@pytest.fixture
def store(directories: Directories) -> ImageStore:
    """Give an empty store with small bounds."""
    return ImageStore(directories.state, limits=UnpackLimits(ratio_from=1 << 20, ratio=50))


def problems(store: ImageStore) -> list[str]:
    """What a verification says."""
    return list(verify(store))


PACKED = {
    "plain": ROOT,
    "gzip": gzip.compress(ROOT),
    "two gzip members": gzip.compress(ROOT[:700]) + gzip.compress(ROOT[700:]),
    "zstd": zstandard.compress(ROOT),
    "two zstd frames": zstandard.compress(ROOT[:700]) + zstandard.compress(ROOT[700:]),
}


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED)
def test_an_archive_becomes_an_image(data: bytes, store: ImageStore) -> None:
    """However it is compressed, the layer is the same, and shared."""
    image = import_archive(
        store, pieces(data), names=["web:1"], changes=["CMD run"], created=CREATED
    )
    assert image.names == ("docker.io/library/web:1",)
    assert image.configuration.diff_ids == (digest_of(ROOT),)
    assert image.config.command == ("/bin/sh", "-c", "run")
    (layer,) = store.resolve("web:1").layers
    assert Path(layer, "hello").read_text() == "hi"
    assert problems(store) == []


BAD = {
    "nothing": (b"", "is empty"),
    "xz": (b"\xfd7zXZ\0" + b"x" * 100, "compressed with xz"),
    "text": (b"hello" * 300, "wrong checksum"),
    "cut gzip": (gzip.compress(ROOT)[:-9], "too early"),
    "cut zstd": (zstandard.compress(ROOT)[:-4], "too early"),
    "damaged gzip": (gzip.compress(ROOT)[:-6] + b"xxxxxx", "damaged"),
    "bomb": (gzip.compress(archive(Member(name="z", content=bytes(1 << 22)))), "50 times its size"),
    "zstd bomb": (
        zstandard.compress(archive(Member(name="z", content=bytes(1 << 22)))),
        "50 times its size",
    ),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_a_bad_archive_leaves_the_store_as_it_was(
    data: bytes, message: str, store: ImageStore, directories: Directories
) -> None:
    """The error says what is wrong; a collection leaves nothing of it."""
    with pytest.raises(ImageError, match=message):
        import_archive(store, pieces(data), names=["web"], created=CREATED)
    assert store.entries() == []
    collect(store, directories)
    assert list(store.blobs) == []
    assert store.layers.names() == []
    assert not list(Path(store.blobs.incoming).iterdir())


def test_names_move(store: ImageStore) -> None:
    """A name means one image; one that loses its last name stays under its digest."""
    first = add_image(store, [ROOT], "a", "b:2")
    second = add_image(store, [ROOT], "a", Cmd=["x"])
    assert store.find("a").target.digest == second.digest
    assert store.find("b:2").target.digest == first.digest
    store.tag(store.find("a"), "b:2")
    (lost,) = [image for image in store.survey().images if not image.names]
    assert lost.target.digest == first.digest
    assert store.find(lost.id).target.digest == first.digest


def test_an_image_is_found_by_what_names_it(store: ImageStore) -> None:
    """Short and full names, digests, ids and their beginnings."""
    target = add_image(store, [ROOT], "registry.example:5000/team/app:v1")
    image = store.find("registry.example:5000/team/app:v1")
    for name in (
        image.id, image.id[:20], image.id[7:19], target.digest, target.digest[7:30],
        f"registry.example:5000/team/app@{target.digest}",
    ):  # fmt: skip
        assert store.find(name).id == image.id
    for name in (
        "app",
        "registry.example:5000/team/app",
        f"other@{target.digest}",
        "zz",
        "Bad Name",
    ):
        with pytest.raises(ImageError, match="not in the store"):
            store.find(name)


def test_an_ambiguous_beginning_is_refused(store: ImageStore) -> None:
    """Rather an error than any of them."""
    for number in range(40):
        add_image(store, [ROOT], f"i:{number}", Cmd=[str(number)])
    beginnings = Counter(image.id[7:9] for image in store.survey().images)
    with pytest.raises(ImageError, match="images begin so"):
        store.find(beginnings.most_common(1)[0][0])


def test_a_collection_keeps_what_is_needed(store: ImageStore, directories: Directories) -> None:
    """Blobs and layers of an image go when its last name has gone, shared ones stay."""
    shared, own = ROOT, archive(Member(name="own"))
    add_image(store, [shared], "keep")
    add_image(store, [shared, own], "drop")
    store.resolve("keep")
    store.resolve("drop")
    store.forget(store.find("drop"))
    collected = collect(store, directories)
    assert collected is not None
    assert len(collected.blobs) == 3
    assert digest_of(own) in collected.blobs
    assert len(collected.layers) == 1
    assert store.resolve("keep").layers
    assert problems(store) == []
    assert collect(store, directories) == evolve(collected, blobs=(), layers=(), bytes=0)


def test_layers_of_containers_stay(store: ImageStore, directories: Directories) -> None:
    """An image may go, but not from under a container; the layer goes after the container."""
    add_image(store, [ROOT], "web")
    image = store.resolve("web")
    container = directories.container("c1")
    Path(container.state).mkdir()
    note_layers(container.layer, image.layers)
    store.forget(image)
    collect(store, directories)
    assert Path(image.layers[0], "hello").exists()
    Path(container.layer.lower).unlink()
    collect(store, directories)
    assert not Path(image.layers[0]).exists()


def test_nothing_is_collected_while_something_is_added(
    store: ImageStore, directories: Directories
) -> None:
    """Blobs that are not named yet are on their way."""
    with store.adding():
        put(store, b"{}")
        assert collect(store, directories) is None
    collected = collect(store, directories)
    assert collected is not None
    assert collected.blobs == (digest_of(b"{}"),)


def test_damage_is_found(store: ImageStore) -> None:
    """A changed byte, a short blob and a missing one are each named."""
    add_image(store, [ROOT, archive(Member(name="b")), archive(Member(name="c"))], "web")
    layers = store.find("web").manifest.layers
    changed, short, missing = (Path(store.blobs.path(layer.digest)) for layer in layers)
    changed.write_bytes(b"x" + ROOT[1:])
    short.write_bytes(short.read_bytes()[:-1])
    missing.unlink()
    found = problems(store)
    assert [text.split(": ", 1)[0] for text in found] == ["image docker.io/library/web:latest"] * 3
    for blob, words in zip(
        layers, ("is damaged", "bytes, not", "is not in the store"), strict=True
    ):
        assert any(blob.digest in text and words in text for text in found)


def test_damage_is_of_one_image_only(store: ImageStore, directories: Directories) -> None:
    """The others are found, by their ids too, and what nothing needs is collected."""
    for name in ("whole", "one", "two"):
        add_image(store, [archive(Member(name=name))], name, User=name)
    whole, one, two = (store.resolve(name) for name in ("whole", "one", "two"))
    Path(store.blobs.path(one.target.digest)).write_bytes(b"{}")
    Path(store.blobs.path(two.id)).unlink()
    put(store, b"nobody needs this")
    survey = store.survey()
    assert [image.id for image in survey.images] == [whole.id]
    assert [damaged.names for damaged in survey.damaged] == [one.names, two.names]
    assert store.find(whole.id).names == whole.names
    with pytest.raises(ImageError, match=r"image one: blob .* bytes, not"):
        store.find("one")
    assert collect(store, directories) is not None
    assert digest_of(b"nobody needs this") not in list(store.blobs)
    assert store.resolve("whole").layers == whole.layers
    for damaged in survey.damaged:
        store.forget(damaged)
    assert problems(store) == []


def test_a_document_is_hashed_before_it_is_read(store: ImageStore) -> None:
    """A changed configuration is not believed."""
    add_image(store, [ROOT], "web", User="app")
    config = store.find("web").manifest.config
    path = Path(store.blobs.path(config.digest))
    path.write_bytes(path.read_bytes().replace(b"app", b"xpp"))
    with pytest.raises(ImageError, match="has another digest"):
        store.find("web")


def test_a_layer_must_be_what_the_image_says(store: ImageStore, directories: Directories) -> None:
    """A layer that unpacks to something else is not used, and nothing of it is left."""
    add_image(store, [ROOT], "web", diff_ids=[digest_of(b"other")])
    with pytest.raises(ImageError, match="the image says"):
        store.resolve("web")
    assert store.layers.names() == []
    assert collect(store, directories) is not None


BOTH: Mapping[str, object] = {"schemaVersion": 2, "manifests": [], "layers": []}
VERSION: Mapping[str, object] = {"schemaVersion": 2}
ARTIFACT = {"mediaType": "x", "digest": digest_of(b""), "size": 0}
DOCUMENTS = {
    "hybrid": (BOTH, OCI_MANIFEST, "at once"),
    "hybrid index": (BOTH, OCI_INDEX, "at once"),
    "other type": ({**VERSION, "mediaType": OCI_MANIFEST}, DOCKER_LIST, "was called"),
    "unknown type": (VERSION, "text/plain", "not supported"),
    "old version": ({"schemaVersion": 1}, OCI_MANIFEST, "schemaVersion"),
    "list": ([], OCI_MANIFEST, "not an object"),
    "artifact": ({**VERSION, "config": ARTIFACT}, OCI_MANIFEST, "not that of an image"),
    "no platform": ({**VERSION, "manifests": []}, OCI_INDEX, "there is none for linux/"),
}


@pytest.mark.parametrize(("document", "media_type", "message"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_has_one_meaning(
    document: object, media_type: str, message: str, store: ImageStore
) -> None:
    """What two readers could take for two things is not named."""
    target = put(store, json.dumps(document).encode(), media_type)
    with pytest.raises(ImageError, match=message):
        store.add(target, ["web"])
    assert store.entries() == []


def test_a_key_stands_once(store: ImageStore) -> None:
    """Readers differ in which of two they believe."""
    text = b'{"schemaVersion": 2, "schemaVersion": 2}'
    with pytest.raises(ImageError, match="twice"):
        store.add(put(store, text, OCI_MANIFEST), ["web"])


def test_an_index_is_for_many_machines(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image of this machine's platform is taken; others need not be there."""
    inner = add_image(store, [ROOT])
    other = Descriptor(media_type=OCI_MANIFEST, digest=digest_of(b"elsewhere"), size=9)
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {**other.document(), "platform": {"architecture": "mips", "os": "linux"}},
            {**inner.document(), "platform": {"architecture": "amd64", "os": "linux"}},
            {**inner.document(), "platform": {"architecture": "arm64", "os": "linux"}},
        ],
    }
    store.add(put(store, json.dumps(index).encode(), OCI_INDEX), ["many"])
    assert store.resolve("many").layers
    assert problems(store) == []
