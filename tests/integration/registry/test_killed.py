"""A pull that is killed at any step leaves a store that is sound, and the next one ends it."""

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
from runtime.registry.settings import Registries, RegistrySettings
from tests.integration.images.killing import dies_at
from tests.integration.registry.peer import Peer
from tests.integration.registry.test_pulling import nothing

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
