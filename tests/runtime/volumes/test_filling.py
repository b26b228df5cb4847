"""What a new volume begins with: what overlay would show at its place, and nothing from outside."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import VolumeError
from runtime.images.lowers import overlay_xattr
from runtime.volumes.filling import fill
from runtime.volumes.store import StoredVolume, VolumeStore
from tests.integration.images import listing
from tests.integration.images.killing import dies_at
from tests.integration.images.listing import lines

pytestmark = pytest.mark.root


@pytest.fixture
def volume(tmp_path: Path) -> StoredVolume:
    """Give a new volume."""
    return VolumeStore(str(tmp_path / "volumes")).ensure("data")


@pytest.fixture
def layers(tmp_path: Path) -> list[str]:
    """Give three layers, topmost first, that hide and replace parts of each other."""
    top, middle, bottom = (tmp_path / name for name in ("top", "middle", "bottom"))
    for layer in (top, middle, bottom):
        (layer / "srv/data/both").mkdir(parents=True)
        (layer / "srv/data/both" / layer.name).write_text(layer.name)
        (layer / "srv/data/same").write_text(f"of {layer.name}")
        os.utime(layer / "srv/data/both", (1, len(layer.name)))
    data = bottom / "srv/data"
    for name in ("hidden", "replaced", "opaque/below"):
        (data / name).mkdir(parents=True)
        (data / name / "file").write_text("not to be seen")
    for name in ("one", "secret"):
        (data / name).write_text("x" * 100_000)
    os.link(data / "one", data / "other")
    os.symlink("/etc/passwd", data / "link")
    os.mkfifo(data / "fifo")
    os.mknod(data / "null", 0o640 | stat.S_IFCHR, os.makedev(1, 3))
    os.chown(data / "one", 12, 34)
    os.chmod(data / "one", 0o4751)
    os.setxattr(data / "one", "user.a", b"b")
    os.utime(data / "link", (5, 6), follow_symlinks=False)
    os.chown(top / "srv/data", 56, 78)
    os.chmod(top / "srv/data", 0o2710)
    for gone in (middle / "srv/data/hidden", top / "srv/data/secret"):
        os.mknod(gone, stat.S_IFCHR, os.makedev(0, 0))
    (middle / "srv/data/replaced").write_text("a file now")
    (middle / "srv/data/opaque").mkdir()
    (middle / "srv/data/opaque/new").write_text("new")
    os.setxattr(middle / "srv/data/opaque", overlay_xattr("opaque"), b"y")
    os.symlink("/srv/data", bottom / "way")
    return [str(top), str(middle), str(bottom)]


def test_it_is_what_overlay_shows(volume: StoredVolume, layers: list[str]) -> None:
    """With owners, modes, times, attributes and links; also by way of a link in the image."""
    shown = subprocess.run(
        [sys.executable, listing.__file__, *layers], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    fill(volume, layers, "/way/../..")
    assert list(lines(volume.data)) == shown
    assert len(shown) > 15
    assert os.path.samefile(f"{volume.data}/srv/data/one", f"{volume.data}/srv/data/other")


def test_holes_stay_holes(volume: StoredVolume, tmp_path: Path) -> None:
    """A large file of which little is written takes as little room in the volume."""
    image = tmp_path / "image"
    (image / "data").mkdir(parents=True)
    with open(image / "data/sparse", "wb") as file:
        file.seek(64 << 20)
        file.write(b"end")
        file.truncate(128 << 20)
    fill(volume, [str(image)], "/data")
    copy = Path(volume.data, "sparse")
    assert copy.stat().st_blocks < 1 << 10
    assert copy.stat().st_size == 128 << 20
    with copy.open("rb") as file:
        file.seek(64 << 20)
        assert file.read(4) == b"end\0"


def test_only_a_new_and_empty_volume_is_filled(volume: StoredVolume, layers: list[str]) -> None:
    """What is in it stays, and so does what has been taken out of it."""
    fill(volume, (), "/srv/data")
    fill(volume, layers, "/srv/data")
    assert os.listdir(volume.data) == []
    Path(volume.fresh).touch()
    Path(volume.data, "own").touch()
    fill(volume, layers, "/srv/data")
    assert os.listdir(volume.data) == ["own"]


@pytest.mark.parametrize("target", ["/absent", "/srv/data/one", "/srv/data/link", "/way/one/x"])
def test_where_the_image_has_no_directory_the_volume_is_empty(
    volume: StoredVolume, layers: list[str], target: str
) -> None:
    """A link to a file of the host leads to nothing, for the image has no such file."""
    fill(volume, layers, target)
    assert os.listdir(volume.data) == []


def test_links_stay_in_the_image(volume: StoredVolume, tmp_path: Path) -> None:
    """However they lead out, it is the image's own root that they come to; in circles, nowhere."""
    image = tmp_path / "image"
    (image / "in").mkdir(parents=True)
    (image / "in/file").write_text("own")
    (tmp_path / "in").mkdir()
    os.symlink("../../../../in", image / "out")
    os.symlink("round", image / "round")
    with pytest.raises(VolumeError, match=r"^fill volume data: /round: too many levels"):
        fill(volume, [str(image)], "/round")
    fill(volume, [str(image)], "/out")
    assert os.listdir(volume.data) == ["file"]


def test_no_step_can_be_killed_to_harm(volume: StoredVolume, tmp_path: Path) -> None:
    """After each the volume is empty, or holds all; the next container finds it filled."""
    image = tmp_path / "image"
    (image / "data/inner").mkdir(parents=True)
    for name in ("a", "inner/b"):
        (image / "data" / name).write_text("x")
    full = list(lines(str(image / "data")))
    step = 1
    while dies_at(step, lambda: fill(volume, [str(image)], "/data")):
        assert os.listdir(volume.data) == [] or list(lines(volume.data)) == full
        step += 1
    assert step > 5
    assert list(lines(volume.data)) == full
    assert sorted(os.listdir(volume.home)) == ["_data", "lock", "volume.json"]
