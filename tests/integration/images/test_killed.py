"""A process that is killed at any step leaves a store that is sound, and nothing that stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.images.collection import collect, verify
from runtime.images.committing import commit_layer
from runtime.images.importing import import_archive
from runtime.images.loading import load_archive
from runtime.images.saving import save_layout
from runtime.images.store import ImageStore
from tests.integration.images.killing import dies_at
from tests.runtime.images.archives import Member, add_image, archive, pieces

pytestmark = pytest.mark.root

CREATED = "2024-01-02T03:04:05Z"
OLD = archive(Member(name="old", content=b"old"))


def actions(
    store: ImageStore, directories: Directories, top: Path
) -> dict[str, Callable[[], object]]:
    """All that changes a store."""
    other = ImageStore(f"{top}/other")
    add_image(other, [OLD, archive(Member(name="new"))], "new")
    image = other.find("new")
    with (top / "saved.tar").open("wb") as file:
        save_layout(other, [(image, image.names)], file)
    saved = (top / "saved.tar").read_bytes()
    add_image(store, [OLD], "old")
    store.resolve("old")
    add_image(store, [archive(Member(name="z"))], "gone")
    store.forget(store.resolve("gone"))
    changed = top / "changed"
    changed.mkdir()
    (changed / "file").write_text("new")
    return {
        "import": lambda: import_archive(
            store, pieces(archive(Member(name="x"))), names=["new"], created=CREATED
        ),
        "load": lambda: load_archive(store, pieces(saved, 5000)),
        "commit": lambda: commit_layer(
            store, str(changed), store.find("old"), names=["new"], created=CREATED
        ),
        "tag": lambda: store.tag(store.find("old"), "new"),
        "collect": lambda: collect(store, directories),
    }


@pytest.mark.parametrize("name", ["import", "load", "commit", "tag", "collect"])
def test_no_step_can_be_killed_to_harm(name: str, tmp_path: Path) -> None:
    """After each: what was there is there, the store verifies, and the same works once more."""
    directories = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    directories.prepare()
    store = ImageStore(directories.state)
    action = actions(store, directories, tmp_path)[name]
    step = 1
    while dies_at(step, action):
        assert list(verify(store)) == []
        assert Path(store.resolve("old").layers[0], "old").read_bytes() == b"old"
        for image in store.survey().images:
            assert store.unpacked(image).layers
        if name != "collect":
            _remove_the_new(store)
            collect(store, directories)
            assert os.listdir(store.blobs.incoming) == []
        step += 1
    assert step > 5
    assert list(verify(store)) == []
    if name != "collect":
        assert store.resolve("new").layers
        _remove_the_new(store)
    collect(store, directories)
    assert len(list(store.blobs)) == 3
    assert len(store.layers.names()) == 1


def _remove_the_new(store: ImageStore) -> None:
    for image in store.survey().images:
        if "docker.io/library/old:latest" not in image.names:
            store.forget(image)
        else:
            store.forget(image, [name for name in image.names if "/old:" not in name])
