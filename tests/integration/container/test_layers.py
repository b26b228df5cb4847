"""Roots of many layers, of layers with odd names, and of those that the store has unpacked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.images.store import ImageStore
from runtime.spec import OverlayRootfs
from tests.integration.container.stage import Stage
from tests.runtime.images.archives import Member, add_image, archive, directory, symlink

pytestmark = pytest.mark.root

MANY = 200
"""That many fit into a page as descriptors."""
TAKES_ONE_BY_ONE = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 5)
"""Whether the kernel can be given layers one by one, and so as many as overlay takes."""


def make_layers(top: Path, count: int, name: str) -> list[str]:
    """Layers that each have a file of their own, topmost first."""
    layers = []
    for number in range(count):
        layer = top / f"{name}{number}"
        layer.mkdir(parents=True)
        (layer / f"from{number}").touch()
        layers.append(str(layer))
    return layers


@pytest.mark.parametrize("count", [30, 180, 490])
async def test_layers_do_not_have_to_fit_into_a_page(
    count: int, stage: Stage, tmp_path: Path
) -> None:
    """As many as the kernel takes, and each of them is seen."""
    layers = make_layers(tmp_path / ("n" * 100), count, "layer")
    rootfs = OverlayRootfs((*layers, str(stage.image)))
    if count > MANY and not TAKES_ONE_BY_ONE:
        with pytest.raises(StartError, match="mount overlay of 492 layers"):
            await stage.run("true", rootfs=rootfs)
        return
    ended = await stage.run("ls / | grep -c from", rootfs=rootfs)
    assert ended.text == f"{count}\n"


@pytest.mark.parametrize("count", [2, 200])
async def test_a_layer_may_be_called_anything(count: int, stage: Stage, tmp_path: Path) -> None:
    """What separates options does not end one."""
    layers = make_layers(tmp_path / r"a:b,c\d", count, "x:y,")
    rootfs = OverlayRootfs((*layers, str(stage.image)))
    assert (await stage.run("ls / | grep -c from", rootfs=rootfs)).text == f"{count}\n"


async def test_more_than_overlay_takes_is_an_error(stage: Stage, tmp_path: Path) -> None:
    """It is named, and nothing is left."""
    layers = make_layers(tmp_path, 500, "layer")
    with pytest.raises(StartError, match="501 layers"):
        await stage.run("true", rootfs=OverlayRootfs(tuple(layers)))


async def test_a_layer_that_has_gone_is_an_error(stage: Stage, tmp_path: Path) -> None:
    """It is named before anything is started."""
    rootfs = OverlayRootfs((str(tmp_path / "gone"), str(stage.image)))
    with pytest.raises(StartError, match="gone: no such directory"):
        await stage.run("true", rootfs=rootfs)


async def test_layers_of_the_store_hide_what_they_say(stage: Stage) -> None:
    """Deleted files are gone, opaque directories show what is theirs, links and modes are kept."""
    store = ImageStore(stage.runtime.directories.state)
    lower = archive(
        directory("./", mode=0o711),
        Member(name="a/deleted"), Member(name="a/stays", content=b"low"),
        Member(name="b/hidden"), symlink("link", "b"), directory("gone"), Member(name="gone/f"),
    )  # fmt: skip
    upper = archive(
        Member(name="a/.wh.deleted"), Member(name="b/.wh..wh..opq"), Member(name="b/new"),
        Member(name="link/through"), Member(name=".wh.gone"), Member(name="a/stays", content=b"up"),
    )  # fmt: skip
    add_image(store, [lower, upper], "test")
    rootfs = OverlayRootfs((*store.resolve("test").layers, str(stage.image)))
    ended = await stage.run(
        "ls a; ls b; cat a/stays; echo; test -e gone || echo none; stat -c %a /", rootfs=rootfs
    )
    assert ended.lines == ["stays", "new", "through", "up", "none", "711"]
