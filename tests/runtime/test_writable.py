"""A writable layer that is kept is made once, and is whole or made again."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from runtime.container.prepare import identity_of
from runtime.directories import Directories
from runtime.errors import StartError
from runtime.images.config import ImageConfig, read_config
from runtime.images.usage import layers_in_use
from runtime.rootfs.writable import keep_layer, remove_layer
from runtime.spec import ContainerSpec, OverlayRootfs


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """Give directories that are there."""
    made = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    made.prepare()
    return made


@pytest.fixture
def image(tmp_path: Path) -> str:
    """Give a layer below."""
    path = tmp_path / "image"
    path.mkdir()
    return str(path)


def test_it_stays_until_it_is_removed(directories: Directories, image: str) -> None:
    """What lies in it, and the layers below it; removing it again is nothing to fail for."""
    layer = directories.kept_layer("web")
    config = ImageConfig(command=("x",))
    for _ in range(2):
        keep_layer(layer, [image], directories, config)
        Path(layer.upper, "kept").touch()
    assert stat.S_IMODE(os.stat(layer.upper).st_mode) == 0o755
    assert read_config(json.loads(Path(layer.config).read_text())) == config
    assert layers_in_use(directories) == {image: ["web"]}
    remove_layer(layer)
    remove_layer(layer)
    assert os.listdir(directories.kept_layers) == []


@pytest.mark.parametrize("left", ["", "layers.json", "work", "upper.new", "layers.json work"])
def test_what_a_kill_has_left_is_completed(directories: Directories, image: str, left: str) -> None:
    """At whatever point its making broke off; a note may be torn."""
    layer = directories.kept_layer("web")
    os.mkdir(layer.path)
    for name in left.split():
        if name == "layers.json":
            Path(layer.lower).write_text('["/to')
        else:
            Path(layer.path, name).mkdir()
    keep_layer(layer, [image], directories)
    assert os.path.isdir(layer.upper)
    assert os.path.isdir(layer.work)
    assert layers_in_use(directories) == {image: ["web"]}


def test_it_is_mounted_on_what_it_was_made_for_only(directories: Directories, image: str) -> None:
    """On other layers it would show what nobody has ever written; one that has gone is named."""
    layer = directories.kept_layer("web")
    with pytest.raises(StartError, match="image layer /absent: no such directory"):
        keep_layer(layer, ["/absent"], directories)
    remove_layer(layer)
    keep_layer(layer, [image], directories)
    with pytest.raises(StartError, match="lies on other layers than those of the image"):
        keep_layer(layer, [image, image], directories)


def test_its_users_are_users(directories: Directories, image: str) -> None:
    """Whom a container has added to /etc/passwd it may run as from then on."""
    layer = directories.kept_layer("web")
    keep_layer(layer, [image], directories)
    os.mkdir(f"{layer.upper}/etc")
    Path(layer.upper, "etc/passwd").write_text("new:x:7:8::/:\n")
    spec = ContainerSpec(
        id="c", command=("x",), rootfs=OverlayRootfs((image,), keep="web"), user="new"
    )
    identity = identity_of(spec, directories)
    assert (identity.uid, identity.gid) == (7, 8)
