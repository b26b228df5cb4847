"""What others make of our images, and what we make of theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.collection import verify
from runtime.images.document import encode
from runtime.images.loading import load_archive
from runtime.images.saving import save_docker, save_layout
from runtime.images.store import ImageStore
from tests.runtime.images.archives import (
    Member,
    add_image,
    archive,
    directory,
    hard_link,
    pieces,
    symlink,
)

pytestmark = pytest.mark.root

NAME = "quay.io/team/app:v1"
LISTING = Path(__file__).with_name("listing.py")


def tool(name: str, *arguments: str | Path) -> str:
    """Run a program of Debian's; returns what it prints."""
    if shutil.which(name) is None:
        pytest.skip(f"needs Debian's {name}")
    done = subprocess.run(
        [name, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    """Give a store with an image of two layers."""
    made = ImageStore(f"{tmp_path}/state")
    lower = archive(directory("etc"), Member(name="etc/a", content=b"low"), symlink("l", "etc"))
    upper = archive(Member(name="etc/.wh.a"), Member(name="etc/b", content=b"up"))
    add_image(made, [lower, upper], NAME, Env=["A=b"], Cmd=["sh"])
    return made


@pytest.fixture
def podman(state: Directories) -> tuple[str, ...]:
    """Give a podman with a storage of its own, whose name must be short."""
    places = ("--root", f"{state.state}-podman", "--runroot", f"{state.root}-podman")
    return ("podman", *places, "--storage-driver", "vfs")


def save(store: ImageStore, path: Path, form: str) -> Path:
    """Write the image to an archive."""
    image = store.resolve(NAME)
    with path.open("wb") as file:
        (save_docker if form == "docker-archive" else save_layout)(store, [(image, [NAME])], file)
    return path


def load(path: Path, state: Path) -> tuple[ImageStore, str]:
    """Load an archive into a store of its own; returns that, and the image's id."""
    other = ImageStore(str(state))
    with path.open("rb") as file:
        (image,) = load_archive(other, iter(lambda: file.read(1000), b""))
    assert list(verify(other)) == []
    return other, image.id


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_podman_loads_and_saves(
    form: str, store: ImageStore, podman: tuple[str, ...], tmp_path: Path
) -> None:
    """An image that went through podman has its name, its id and its files."""
    ours = save(store, tmp_path / "ours.tar", form)
    assert NAME in tool(*podman, "load", "-q", "-i", ours)
    theirs = tmp_path / "theirs.tar"
    tool(*podman, "save", "-q", "--format", form, "-o", theirs, NAME)
    other, identifier = load(theirs, tmp_path / "other")
    assert identifier == store.find(NAME).id
    top, *_ = other.resolve(NAME).layers
    assert Path(top, "etc/b").read_bytes() == b"up"


def test_skopeo_keeps_digests(store: ImageStore, tmp_path: Path) -> None:
    """A layout goes through skopeo as it is."""
    ours = save(store, tmp_path / "ours.tar", "oci-archive")
    theirs = f"oci-archive:{tmp_path}/theirs.tar"
    tool("skopeo", "copy", "-q", "--preserve-digests", f"oci-archive:{ours}", f"{theirs}:x:1")
    other, _ = load(tmp_path / "theirs.tar", tmp_path / "other")
    assert other.find("x:1").target.digest == store.find(NAME).target.digest
    shown = tool("skopeo", "inspect", theirs)
    assert json.loads(shown)["Env"] == ["A=b"]


def make_trees(top: Path) -> list[bytes]:
    """Two layers with everything that a layer can hold, as GNU tar writes them."""
    lower, upper = top / "lower", top / "upper"
    for path in ("lower/d/e", "lower/usr/bin", "lower/opq", "lower/gone/in", "upper/d",
                 "upper/opq", "upper/usr/bin"):  # fmt: skip
        (top / path).mkdir(parents=True)
    (lower / "bin").symlink_to("usr/bin")
    (lower / "d/f").write_text("hi")
    os.link(lower / "d/f", lower / "d/e/hard")
    os.chown(lower / "d/f", 1000, 1001)
    (lower / "d/f").chmod(0o4755)
    os.setxattr(lower / "d/f", "user.k", b"v\n=1")
    os.mknod(lower / "null", 0o20666, os.makedev(1, 3))
    os.mknod(lower / "disk", 0o60640, os.makedev(8, 1))
    os.mkfifo(lower / "pipe")
    (lower / "opq/hidden").touch()
    (lower / "dangling").symlink_to("/nowhere")
    os.lchown(lower / "dangling", 5, 6)
    with (lower / "sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 20)
        file.write(b"x")
    (lower / "ü b").write_text("u")
    (lower / "d/e").chmod(0o1777)
    os.utime(lower / "d", ns=(5, 1_234_123_456_789))
    (upper / "d/g").write_text("new")
    (upper / "d/.wh.f").touch()
    (upper / ".wh.gone").touch()
    (upper / "opq/.wh..wh..opq").touch()
    (upper / "opq/z").write_text("z")
    (upper / "usr/bin/tool").write_text("tool")
    form = ("--format=posix", "--xattrs", "--xattrs-include=*", "-S", "-c")
    # The second one says nothing of the directories d and usr.
    members = ("d/g", "d/.wh.f", ".wh.gone", "opq", "usr/bin/tool")
    return [
        subprocess.run(["tar", *form, *words], check=True, capture_output=True).stdout
        for words in (("-C", str(lower), "."), ("-C", str(upper), *members))
    ]


def test_umoci_unpacks_the_same(tmp_path: Path) -> None:
    """Owners, modes, times, attributes, devices, links and content are equal, file by file."""
    store = ImageStore(f"{tmp_path}/state")
    links = archive(hard_link("d/below", "sparse"), hard_link("usr/below", "dangling"))
    add_image(store, [*make_trees(tmp_path), links], NAME)
    ours = save(store, tmp_path / "ours.tar", "oci-archive")
    tool("skopeo", "copy", "-q", f"oci-archive:{ours}", f"oci:{tmp_path}/layout:x")
    tool("umoci", "unpack", "--image", f"{tmp_path}/layout:x", tmp_path / "bundle")
    layers = store.resolve(NAME).layers
    found = tool(sys.executable, LISTING, *layers).splitlines()
    assert found == tool(sys.executable, LISTING, tmp_path / "bundle/rootfs").splitlines()
    assert len(found) == 19


def test_a_layout_in_an_archive_must_be_what_it_says(store: ImageStore, tmp_path: Path) -> None:
    """A blob with another digest, and one that is not there, are refused."""
    data = save(store, tmp_path / "ours.tar", "oci-archive").read_bytes()
    index = encode({"manifests": [store.find(NAME).target.document()]})
    other = ImageStore(f"{tmp_path}/other")
    for bad, words in (
        (data.replace(b"etc/b", b"etc/c"), "has another digest"),
        (archive(Member(name="oci-layout"), Member(name="index.json", content=index)), "is not in"),
        (archive(Member(name="x")), "holds no image"),
        (b"", "is empty"),
    ):
        with pytest.raises(ImageError, match=words):
            load_archive(other, pieces(bad))
    assert other.entries() == []
