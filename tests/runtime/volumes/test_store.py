"""The store of volumes: they come and go as a whole, and never while somebody has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.errors import VolumeError
from runtime.volumes.naming import new_name
from runtime.volumes.store import VolumeInUse, VolumeStore
from runtime.volumes.usage import note_volumes, volumes_in_use
from tests.integration.images.killing import dies_at


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    """Give a store that is not there yet."""
    return VolumeStore(str(tmp_path / "volumes"))


def test_a_volume_is_made_once(store: VolumeStore) -> None:
    """What is there stays as it was made, and only its owner can enter where it lies."""
    made = store.ensure("data", {"a": "b"})
    Path(made.data, "file").write_text("x")
    assert store.ensure("data", {"a": "c"}) == made
    assert store.volumes() == [made]
    assert made.size() == 1
    assert not made.anonymous
    assert os.stat(store.directory).st_mode & 0o777 == 0o700
    assert os.stat(made.home).st_mode & 0o777 == 0o700
    assert os.stat(made.data).st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["", ".lock", "../x", "a/b", "a", "a" * 129, "-a", "a\n", "ä"])
def test_names_stay_in_the_store(store: VolumeStore, name: str) -> None:
    """What could lead elsewhere is refused before anything is looked at."""
    with pytest.raises(VolumeError, match="is not the name of a volume"):
        store.ensure(name)
    assert store.names() == []
    assert os.listdir(os.path.dirname(store.directory)) == []


def test_what_is_used_stays(store: VolumeStore) -> None:
    """The message says by whom; the same volume goes when that one has gone."""
    store.ensure("data")
    with pytest.raises(VolumeInUse, match=r"^volume data: is in use by container web$"):
        store.remove("data", lambda: {"data": ["container web"]})
    store.remove("data", dict)
    with pytest.raises(VolumeError, match=r"^no such volume: data$"):
        store.remove("data", dict)


def test_what_is_unused_goes_together(store: VolumeStore) -> None:
    """What was freed is told; others that were not named, or are used, stay."""
    nameless = new_name()
    for name in (nameless, "used", "other"):
        Path(store.ensure(name).data, "file").write_text("1234")
    assert store.find(nameless).anonymous
    assert store.remove_unused([nameless, "used", "gone"], lambda: {"used": ["x"]}) == {nameless: 4}
    assert store.names() == ["other", "used"]


def test_the_lists_of_containers_tell_who_has_what(tmp_path: Path) -> None:
    """A list that is half written is that of a container which has not looked yet."""
    directories = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    assert volumes_in_use(directories) == {}
    for name, volumes in (("a", ["x", "y"]), ("b", ["y"]), ("c", []), ("d", ["x"])):
        directory = directories.container(name)
        os.makedirs(directory.runtime)
        note_volumes(directory.volumes, volumes)
    Path(directories.container("d").volumes).write_text('["x')
    assert volumes_in_use(directories) == {"x": ["a"], "y": ["a", "b"]}


ACTIONS: dict[str, Callable[[VolumeStore], object]] = {
    "make": lambda store: store.ensure("new"),
    "remove": lambda store: store.remove("old", dict),
    "prune": lambda store: store.remove_unused(["old"], dict),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_no_step_can_be_killed_to_harm(store: VolumeStore, name: str) -> None:
    """After each, every volume is whole or gone, and the next one leaves nothing half-made."""
    action = ACTIONS[name]
    step = 1
    while True:
        Path(store.ensure("old").data, "file").write_text("x")
        killed = dies_at(step, lambda: action(store))
        for volume in store.volumes():
            assert os.path.isdir(volume.data)
            if volume.name == "old":
                assert os.listdir(volume.data) == ["file"]
        store.remove_unused(["new"], dict)
        store.ensure("other")
        assert sorted(os.listdir(store.directory)) in (
            [".clearing", ".lock", "old", "other"],
            [".clearing", ".lock", "other"],
        )
        store.remove("other", dict)
        if not killed:
            break
        step += 1
    assert step > 4
