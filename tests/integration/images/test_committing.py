"""What a container changed comes back in a layer as it was."""

from __future__ import annotations

import os
import socket
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from runtime.errors import ImageError
from runtime.images.collection import verify
from runtime.images.committing import base_of, commit_layer
from runtime.images.image import Image
from runtime.images.lowers import is_whiteout, overlay_xattr
from runtime.images.store import ImageStore
from tests.integration.images.listing import lines
from tests.runtime.images.archives import Member, add_image, archive, directory

pytestmark = pytest.mark.root

CREATED = "2024-01-02T03:04:05Z"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    """Give a store with an image to change."""
    made = ImageStore(f"{tmp_path}/state")
    layer = archive(directory("d"), Member(name="d/old"), Member(name="gone"))
    add_image(made, [layer], "base", Env=["A=b"], Cmd=["x"], OnBuild=["kept"])
    return made


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    """Give a writable layer with everything that a container can leave in one."""
    top = tmp_path / "upper"
    (top / "d/opaque/in").mkdir(parents=True)
    top.chmod(0o711)
    os.setxattr(top / "d/opaque", overlay_xattr("opaque"), b"y")
    os.mknod(top / "gone", 0o20000, os.makedev(0, 0))
    os.mknod(top / "null", 0o20666, os.makedev(1, 3))
    os.mknod(top / "disk", 0o60640, os.makedev(8, 1))
    os.mkfifo(top / "pipe")
    (top / "file").write_bytes(b"content")
    os.link(top / "file", top / "d/link")
    os.setxattr(top / "file", "user.k", b"\xff\n=")
    os.chown(top / "file", 1000, 2000)
    (top / "file").chmod(0o4755)
    os.utime(top / "file", ns=(1, -1_500_000_001))
    (top / ("n" * 200)).symlink_to("/" + "t" * 300)
    os.lchown(top / ("n" * 200), 7, 8)
    return top


def commit(store: ImageStore, upper: Path, **more: Any) -> Image:
    """An image of the base and this layer."""
    return commit_layer(store, str(upper), store.find("base"), created=CREATED, **more)


def test_a_layer_comes_back_as_it_was(store: ImageStore, upper: Path) -> None:
    """File by file: owners, modes, times, attributes, devices, links, and what is deleted."""
    with socket.socket(socket.AF_UNIX) as listener, chdir(upper):
        listener.bind("socket")
        image = commit(store, upper, author="me", message="why", created_by="a test")
    top, *_ = image.layers
    # A whiteout has no time of its own in an archive, and a socket is no file.
    shown, left = (
        [line for line in lines(place) if not line.startswith(("gone ", "socket "))]
        for place in (top, str(upper))
    )
    assert shown == left
    assert is_whiteout((Path(top) / "gone").lstat())
    assert os.getxattr(f"{top}/d/opaque", overlay_xattr("opaque")) == b"y"
    assert list(verify(store)) == []


def test_the_image_goes_on_from_its_base(store: ImageStore, upper: Path) -> None:
    """Layers, history and configuration, those parts included that nobody here knows."""
    base = store.find("base")
    assert commit(store, upper).config == base.config
    config = evolve(base.config, environment={"C": "d"}, command=("y",))
    image = commit(store, upper, config=config, names=["new"], author="me", message="why")
    assert image.names == ("docker.io/library/new:latest",)
    assert image.manifest.layers[:-1] == store.find("base").manifest.layers
    assert image.config == config
    assert image.configuration.document["config"]["OnBuild"] == ["kept"]
    assert (image.configuration.author, image.configuration.history[-1].comment) == ("me", "why")


def test_the_base_is_found_by_its_layers(store: ImageStore) -> None:
    """One with a name goes before one without; an image that is damaged hides no other."""
    layers = store.resolve("base").layers
    bare = add_image(store, [archive(directory("d"), Member(name="d/old"), Member(name="gone"))])
    damaged = add_image(store, [archive(Member(name="z"))], "damaged")
    Path(store.blobs.path(damaged.digest)).write_bytes(b"{}")
    assert base_of(store, layers).target.digest != bare.digest
    store.forget(store.find("base"))
    assert base_of(store, layers).target.digest == bare.digest
    store.forget(store.load(bare))
    with pytest.raises(ImageError, match="no image of the store has its layers"):
        base_of(store, layers)


def test_the_same_changes_make_the_same_image(store: ImageStore, upper: Path) -> None:
    """The order of a directory does not count."""
    assert commit(store, upper).id == commit(store, upper).id


def test_what_overlay_keeps_elsewhere_is_refused(store: ImageStore, upper: Path) -> None:
    """A directory that was renamed by a note to the kernel has its files in another layer."""
    os.setxattr(upper / "d", "trusted.overlay.redirect", b"/elsewhere")
    with pytest.raises(ImageError, match="commit d: lies in another place"):
        commit(store, upper)


def test_a_thousand_files_are_one_layer(store: ImageStore, tmp_path: Path) -> None:
    """Many small files go in and come out."""
    top = tmp_path / "many"
    for number in range(1000):
        (top / f"d{number % 10}").mkdir(parents=True, exist_ok=True)
        (top / f"d{number % 10}/f{number}").write_bytes(b"x" * number)
    image = commit(store, top)
    assert list(lines(image.layers[0])) == list(lines(str(top)))
