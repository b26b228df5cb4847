"""Who is killed at any step of a pull or push leaves a sound store, and the next one ends it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import evolve

from runtime.directories import Directories
from runtime.images.collection import collect, verify
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from runtime.registry.pulling import Wanted, pull
from runtime.registry.pushing import push
from runtime.registry.settings import Registries, RegistrySettings
from tests.integration.images.killing import dies_at
from tests.integration.registry.peer import Peer
from tests.integration.registry.test_pulling import nothing
from tests.runtime.images.archives import Member, add_image, archive

pytestmark = pytest.mark.root

INSECURE = RegistrySettings(insecure=True)


def test_no_step_of_a_pull_can_be_killed_to_harm(
    peer: Peer, small_disk: str, access: Access
) -> None:
    """After each the store verifies, and the image is there or it is not."""
    state = Directories(f"{small_disk}/root", f"{small_disk}/state")
    state.prepare()
    store = ImageStore(state.state)
    wanted = Wanted(reference=parse_reference(f"{peer.host}/team/app:one"))
    # Nothing is to be waited for that is not about the store.
    quick = evolve(access, registries=Registries(tables={peer.host: INSECURE}))
    action = partial(trio.run, pull, store, quick, wanted, nothing)
    step = 1
    while dies_at(step, action):
        assert list(verify(store)) == []
        for image in store.survey().images:
            assert (Path(store.unpacked(image).layers[0]) / "hello").read_text() == "above"
            store.forget(image)
        collect(store, state)
        assert os.listdir(store.blobs.incoming) == []
        assert list(store.blobs) == []
        step += 1

    assert step > 20
    assert list(verify(store)) == []
    assert store.resolve(wanted.name).layers


def test_no_step_of_a_push_can_be_killed_to_harm(
    peer: Peer, store: ImageStore, access: Access
) -> None:
    """After each the store verifies and has its image; the last one finds what others have sent."""
    add_image(store, [archive(Member(name="x")), archive(Member(name="y"))], "image")
    quick = evolve(access, registries=Registries(tables={peer.host: INSECURE}))
    image, name = store.find("image"), f"{peer.host}/killed/app:x"
    store.tag(image, name)
    action = partial(trio.run, push, store, quick, parse_reference(name), nothing)
    step = 1
    while dies_at(step, action):
        assert list(verify(store)) == []
        assert {found.id for found in store.survey().images} == {image.id}
        step += 1
    assert step > 5
    assert list(verify(store)) == []
    assert peer.digest("killed/app:x") == store.find(name).target.digest
