"""The volumes of a container's own: they come with it and go with it, whatever is killed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
import trio

from runtime.container.leavings import remove_files
from runtime.directories import Directories
from runtime.spec import ContainerSpec, HostRootfs, OverlayRootfs, Volume
from runtime.volumes.naming import ANONYMOUS, new_name
from runtime.volumes.owning import own_volumes
from runtime.volumes.placing import provide_volumes
from runtime.volumes.store import VolumeStore
from runtime.volumes.usage import volumes_in_use
from tests.integration.images.killing import dies_at

pytestmark = pytest.mark.root


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """Give directories with those of a container."""
    made = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    made.prepare()
    os.mkdir(made.container("one").runtime)
    return made


def spec(*volumes: Volume, lower: str | None = None) -> ContainerSpec:
    """A container with these volumes."""
    rootfs = HostRootfs() if lower is None else OverlayRootfs((lower,))
    return ContainerSpec(id="one", command=("true",), rootfs=rootfs, volumes=volumes)


def provide(directories: Directories, wanted: ContainerSpec) -> None:
    """Make what it names."""
    provide_volumes(wanted, directories.container("one"), directories)


def test_they_are_told_apart_from_others(directories: Directories) -> None:
    """All are in use; those of its own are labelled as Docker's, and go with it."""
    name = new_name()
    own = Volume(source=name, target="/own", own=True)
    provide(directories, spec(own, Volume(source="data", target="/data")))
    assert sorted(volumes_in_use(directories)) == sorted(["data", name])
    assert own_volumes(directories.container("one")) == {"/own": name}
    store = VolumeStore.of(directories)
    assert store.find(name).labels == {ANONYMOUS: ""}
    assert (store.find(name).anonymous, store.find("data").anonymous) == (True, False)
    trio.run(remove_files, directories, "one")
    assert store.names() == ["data"]
    assert os.listdir(directories.containers) == []
    assert os.listdir(f"{directories.state}/containers") == []


def test_one_that_somebody_else_names_stays(directories: Directories) -> None:
    """Whoever that is: another container, or what only the caller knows of."""
    names = [new_name() for _ in range(3)]
    own = [Volume(source=name, target=f"/{name}", own=True) for name in names]
    provide(directories, spec(*own))

    def users() -> dict[str, list[str]]:
        return {**volumes_in_use(directories), names[1]: ["container web"]}

    trio.run(remove_files, directories, "one", users)
    assert VolumeStore.of(directories).names() == [names[1]]


def test_no_kill_leaves_one_behind(directories: Directories, tmp_path: Path) -> None:
    """Neither while they are made nor while they go, nor where the machine has lost /run."""
    (tmp_path / "image/data/inner").mkdir(parents=True)
    (tmp_path / "image/data/file").write_text("x")
    own = [Volume(source=new_name(), target=target, own=True) for target in ("/data", "/empty")]
    wanted = spec(*own, lower=str(tmp_path / "image"))
    store = VolumeStore.of(directories)
    seen = set()
    for boot in (False, True):
        step = 1
        while dies_at(step, partial(provide, directories, wanted)):
            seen.add(len(store.names()))
            if boot:
                os.rename(directories.containers, f"{directories.root}/lost{step}")
                directories.prepare()
            trio.run(remove_files, directories, "one")
            assert store.names() == []
            assert os.listdir(f"{directories.state}/containers") == []
            os.mkdir(directories.container("one").runtime)
            step += 1
        assert step > 20
        step = 1
        while dies_at(step, partial(trio.run, remove_files, directories, "one")):
            left = {*os.listdir(directories.containers)}
            left |= {*os.listdir(f"{directories.state}/containers")}
            assert left == {"one"} or store.names() == []
            step += 1
        assert step > 5
        assert store.names() == []
        os.makedirs(directories.container("one").runtime, exist_ok=True)
    assert seen == {0, 1, 2}
