"""Images from a registry into the store: what arrives, what survives, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import pytest
import trio

from runtime.directories import Directories
from runtime.errors import ImageError, RegistryError
from runtime.images.collection import collect, verify
from runtime.images.layers import chain_ids
from runtime.images.manifest import Descriptor, parse_platform
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from runtime.registry.pulling import Pulled, Step, Wanted, pull
from runtime.registry.settings import Registries, RegistrySettings, parse_mirror
from tests.integration.registry.peer import LARGE, Peer

pytestmark = pytest.mark.root


def nothing(layer: Descriptor, step: Enum, done: int) -> None:
    """Listen to nobody."""


async def bring(
    store: ImageStore,
    access: Access,
    name: str,
    platform: str | None = None,
    report: Callable[[Descriptor, Step, int], None] = nothing,
) -> Pulled:
    """Pull an image."""
    chosen = None if platform is None else parse_platform(platform)
    return await pull(
        store, access, Wanted(reference=parse_reference(name), platform=chosen), report
    )


@pytest.mark.parametrize("tag", ["small", "docker", "many"])
async def test_an_image_arrives(tag: str, peer: Peer, store: ImageStore, access: Access) -> None:
    """Of OCI or of Docker, for one platform or several: same digest, unpacked, and sound."""
    name = f"{peer.host}/team/app:{tag}"
    pulled = await bring(store, access, name)
    assert pulled.digest == pulled.image.target.digest == peer.digest(f"team/app:{tag}")
    assert pulled.news
    top, below = store.resolve(name).layers
    assert (Path(top) / "hello").read_text() == "above"
    assert (Path(below) / "hello").read_text() == "below"
    assert list(verify(store)) == []
    assert os.listdir(store.blobs.incoming) == []
    again = await bring(store, access, name)
    assert (again.image.id, again.news) == (pulled.image.id, False)
    by_digest = f"{peer.host}/team/app@{pulled.digest}"
    assert store.find(by_digest).id == pulled.image.id
    store.forget(store.find(name))
    await bring(store, access, f"{peer.host}/team/app:ignored@{pulled.digest}")
    assert store.find(by_digest).names == (by_digest,)


async def test_another_platform_is_taken_where_it_is_named(
    peer: Peer, store: ImageStore, access: Access
) -> None:
    """It is found by its tag, and by the digest of the index that it was chosen from."""
    name = f"{peer.host}/team/app:many"
    pulled = await bring(store, access, name, "linux/arm64")
    assert pulled.image.configuration.architecture == "arm64"
    assert store.resolve(name).id == pulled.image.id
    await bring(store, access, f"{peer.host}/team/app@{pulled.digest}", "arm64")
    assert store.find(f"{peer.host}/team/app@{pulled.digest}").id == pulled.image.id
    with pytest.raises(RegistryError, match=r"there is none for linux/s390x, only for linux/amd64"):
        await bring(store, access, name, "s390x")
    with pytest.raises(RegistryError, match=r"is for linux/amd64, not for linux/arm64"):
        await bring(store, access, f"{peer.host}/team/app:small", "arm64")


async def test_layers_are_told_of(peer: Peer, store: ImageStore, access: Access) -> None:
    """Each layer goes through its steps, and one that is there already is not fetched."""
    steps: dict[str, list[Step]] = {}

    def report(layer: Descriptor, step: Step, done: int) -> None:
        said = steps.setdefault(layer.digest, [])
        if step not in said[-1:]:
            said.append(step)
        assert collect(store, Directories("", "/absent")) is None, "while blobs come"

    small = await bring(store, access, f"{peer.host}/team/app:small", report=report)
    below, above = small.image.manifest.layers
    assert steps[above.digest] == [
        Step.WAITING, Step.FETCHING, Step.FETCHED, Step.UNPACKING, Step.DONE,
    ]  # fmt: skip
    steps.clear()
    await bring(store, access, f"{peer.host}/team/app:large", report=report)
    assert steps.pop(below.digest) == [Step.PRESENT]
    assert [said[-1] for said in steps.values()] == [Step.DONE]


async def test_a_registry_may_die_in_mid_transfer(
    peer: Peer, store: ImageStore, access: Access
) -> None:
    """The pull goes on where it stopped once the registry is there again."""
    done: list[int] = []

    def report(layer: Descriptor, step: Step, count: int) -> None:
        if step is Step.FETCHING and layer.size > LARGE:
            done.append(count)
            if len(done) == 1:
                peer.kill()
                peer.start()

    await bring(store, access, f"{peer.host}/team/app:large", report=report)
    assert sorted(done) == done
    assert list(verify(store)) == []


@pytest.mark.parametrize("damaged", [False, True])
async def test_half_a_layer_is_not_fetched_again(
    damaged: bool, peer: Peer, store: ImageStore, access: Access
) -> None:
    """The next pull goes on behind it, and begins anew where it is not what it should be."""
    done: list[int] = []
    name = f"{peer.host}/team/app:large"

    def report(layer: Descriptor, step: Step, count: int) -> None:
        if step is Step.FETCHING and layer.size > LARGE:
            done.append(count)
            first.cancel()  # it is of no use to the second one

    with trio.CancelScope() as first:
        await bring(store, access, name, report=report)
    (half,) = Path(store.blobs.incoming).iterdir()
    size = half.stat().st_size
    if damaged:
        half.write_bytes(bytes(size))
    done.clear()
    await bring(store, access, name, report=report)
    assert done[0] > size
    assert (sorted(done) == done) is not damaged
    assert list(verify(store)) == []


async def test_a_full_disk_is_told(peer: Peer, access: Access, small_disk: str) -> None:
    """The error names the image and the cause, and what was written is given back."""
    store = ImageStore(small_disk)
    await bring(store, access, f"{peer.host}/team/app:small")
    name = f"{peer.host}/team/app:large"
    with pytest.raises(ImageError) as refused:
        await bring(store, access, name)
    assert str(refused.value) == f"{name}: write to the image store: no space left on device"
    assert os.listdir(store.blobs.incoming) == []
    assert list(verify(store)) == []
    assert len(store.entries()) == 1


async def test_mirrors_come_first(
    peer: Peer, guarded: Peer, store: ImageStore, access: Access
) -> None:
    """A mirror that cannot be reached or lacks the image is passed over; all of them are told."""
    tables = {
        "registry.invalid": RegistrySettings(
            mirrors=(parse_mirror(f"{guarded.host}/team"), parse_mirror(f"{peer.host}/team"))
        )
    }
    mirrored = Access(registries=Registries(tables=tables), environ=access.environ, uid=access.uid)
    pulled = await bring(store, mirrored, "registry.invalid/app:small")
    assert pulled.image.names == ("registry.invalid/app:small",)
    with pytest.raises(RegistryError) as refused:
        await bring(store, mirrored, "registry.invalid/app:nope")
    own, second, first = str(refused.value).split("; ")
    assert own.startswith("registry.invalid/app:nope: connect to registry.invalid: ")
    assert "404 MANIFEST_UNKNOWN" in second
    assert "certificate is not trusted" in first


async def test_what_is_damaged_comes_again(peer: Peer, store: ImageStore, access: Access) -> None:
    """The documents, and a layer, whether it has been unpacked or not."""
    name = f"{peer.host}/team/app:one"
    image = (await bring(store, access, name)).image
    (layer,) = image.manifest.layers
    (chain,) = chain_ids(image.configuration.diff_ids)
    for unpacked in (True, False):
        if not unpacked:
            store.layers.remove(chain)
        for digest in (image.target.digest, image.id, layer.digest):
            blob = Path(store.blobs.path(digest))
            blob.write_bytes(bytes(blob.stat().st_size))
        assert len(list(verify(store))) > 0
        await bring(store, access, name)
        assert list(verify(store)) == []
    assert store.resolve(name).layers == (store.layers.tree(chain),)
