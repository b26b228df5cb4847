"""The image store of an ordinary user: what he unpacks, keeps and removes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.integration.images.test_peers import NAME, make_trees
from tests.integration.rootless.layout import LISTING, OTHERS, given_layout, save
from tests.integration.rootless.user import FIRST, UID, OrdinaryUser, numbers
from tests.runtime.images.archives import archive, hard_link

pytestmark = pytest.mark.root


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Give an archive of an image that has everything in it, owners and devices included."""
    links = archive(hard_link("d/below", "sparse"), hard_link("usr/below", "dangling"))
    return save(tmp_path, [*make_trees(tmp_path), links])


def layers_of(user: OrdinaryUser) -> list[Path]:
    """The unpacked layers."""
    return list(Path(user.directories.images).glob("*/fs"))


def test_every_command_of_the_store_works(anybody: OrdinaryUser, saved: Path) -> None:
    """From the load to the last removal, in directories of his own, after which nothing is left."""
    assert anybody.pocker("load", "-i", anybody.give(saved)) == f"Loaded image: {NAME}\n"
    assert "quay.io/team/app" in anybody.pocker("images")
    anybody.pocker("tag", NAME, "other:1")
    assert anybody.pocker("image", "verify") == "1 image, nothing wrong\n"
    assert json.loads(anybody.pocker("image", "inspect", "other:1"))[0]["Config"]["Cmd"] == ["sh"]
    anybody.pocker("image", "history", NAME)
    anybody.pocker("save", "--format", "oci-archive", "-o", anybody.home / "again.tar", NAME)
    with tarfile.open(saved) as before, tarfile.open(anybody.home / "again.tar") as after:
        assert set(before.getnames()) <= set(after.getnames())
    assert anybody.pocker("system", "df", "--format", "json").startswith(
        '{"Type": "Images", "TotalCount": "1", '
    )
    assert len(layers_of(anybody)) == 3
    anybody.pocker("rmi", NAME, "other:1")
    assert layers_of(anybody) == []
    assert not any(Path(anybody.directories.state, "images/blobs/sha256").iterdir())


def test_owners_are_the_subordinate_ids(user: OrdinaryUser, saved: Path) -> None:
    """An id of the image is one of the user's on disk; root's files are his own."""
    user.pocker("load", "-i", user.give(saved))
    owners = {(UID, UID), (FIRST + 999, FIRST + 1000), (FIRST + 4, FIRST + 5)}
    assert numbers([Path(user.directories.state)]) == owners


def test_alone_everything_is_his(alone: OrdinaryUser, saved: Path) -> None:
    """Without other ids there are no others, and `info` says so."""
    alone.pocker("load", "-i", alone.give(saved))
    assert numbers([Path(alone.directories.state)]) == {(UID, UID)}
    warnings = json.loads(alone.pocker("info", "--format", "json"))["Warnings"]
    assert "no subordinate ids: all files of unpacked images belong to this user" in warnings


def test_umoci_makes_the_same_without_rights(alone: OrdinaryUser, saved: Path) -> None:
    """Owners in notes, empty files for devices, and all else: equal file by file."""
    alone.pocker("load", "-i", alone.give(saved))
    found = alone.python(LISTING, alone.directories.state, NAME).splitlines()
    layout = given_layout(alone, saved)
    unpack = ("unpack", "--rootless", "--image", f"{layout}:{NAME}")
    done = alone.run("umoci", *unpack, alone.home / "bundle")
    assert done.returncode == 0, done.stderr
    theirs = alone.python(OTHERS, alone.home / "bundle/rootfs").splitlines()
    assert found == theirs
    assert sum("user.rootlesscontainers" in line for line in found) == 1
