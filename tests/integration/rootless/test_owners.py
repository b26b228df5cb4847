"""Owners and marks in an ordinary user's namespace: with umoci, and in images that he makes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.integration.images.test_peers import NAME
from tests.integration.rootless.layout import LISTING, OTHERS, given_layout, save
from tests.integration.rootless.user import OrdinaryUser
from tests.runtime.images.archives import Member, archive, directory, hard_link, symlink

pytestmark = pytest.mark.root

UMOCI = """
import os, sys
os.execvp("umoci", sys.argv[1:])
"""
COMMIT = """
import os, sys
from pathlib import Path
from runtime.directories import Directories
from runtime.images.committing import commit_layer
from runtime.images.lowers import overlay_xattr
from runtime.images.packing import pack
from runtime.images.store import ImageStore
from runtime.images.usage import note_layers
from runtime.rootfs.changed import changes
from runtime.rootfs.mounted import lower_layers, open_root
directories = Directories(sys.argv[1], sys.argv[2])
directories.prepare()
store = ImageStore(directories.state)
base = store.resolve(sys.argv[3])
layer = directories.kept_layer("one")
os.makedirs(layer.upper)
os.mkdir(layer.work)
note_layers(layer, base.layers)
root = open_root(layer, directories, writable=True)
inside = f"/proc/self/fd/{root}"
for name in ("gone/in", "gone"):
    (os.rmdir if name == "gone" else os.unlink)(f"{inside}/{name}")
os.mkdir(f"{inside}/gone")
Path(f"{inside}/gone/new").write_text("new")
os.unlink(f"{inside}/lost")
os.chmod(f"{inside}/noted", 0o600)
os.chown(f"{inside}/gone/new", int(sys.argv[4]), int(sys.argv[4]))
os.close(root)
assert os.getxattr(f"{layer.upper}/gone", overlay_xattr("opaque")) == b"y"
print(sorted(f"{each.kind} {each.path}" for each in changes(layer.upper, base.layers)))
image = commit_layer(store, layer.upper, base, names=["made"], created="2024-01-02T03:04:05Z")
root = open_root(layer, directories, writable=False)
with open(sys.argv[5], "wb") as file:
    file.writelines(pack(root, ""))
"""


def test_umoci_makes_the_same_with_ids(user: OrdinaryUser, tmp_path: Path) -> None:
    """In the user's namespace it unpacks the same owners, attributes and links."""
    lower = archive(
        directory("."), directory("d", uid=5, gid=6, mode=0o1777),
        Member(name="d/f", content=b"hi", uid=1000, gid=1001, mode=0o4755,
               pax={"SCHILY.xattr.user.k": "v"}),
        hard_link("d/hard", "d/f"),
        symlink("link", "/nowhere", uid=7, gid=8),
        Member(name="pipe", type=tarfile.FIFOTYPE, uid=9, gid=65536),
        directory("opq"), Member(name="opq/hidden"), Member(name="lost"),
    )  # fmt: skip
    upper = archive(
        Member(name=".wh.lost"), directory("opq"), Member(name="opq/.wh..wh..opq"),
        Member(name="opq/new", uid=65536, gid=65536),
    )  # fmt: skip
    user.pocker("load", "-i", user.give(save(tmp_path, [lower, upper])))
    found = user.python(LISTING, user.directories.state, NAME).splitlines()
    layout = given_layout(user, tmp_path / "image.tar")
    bundle = user.home / "bundle"
    user.python(UMOCI, "umoci", "--log=error", "unpack", "--image", f"{layout}:{NAME}", bundle)
    assert found == user.python(OTHERS, bundle / "rootfs").splitlines()
    assert len(found) == 8


def test_file_capabilities_are_kept(anybody: OrdinaryUser, tmp_path: Path) -> None:
    """They are set for the namespace: in it they are what the image says."""
    value = bytes.fromhex("0100000200040000000000000000000000000000")
    attributes = {
        "security.capability": value.decode("latin-1"),
        "security.other": "1",
        "trusted.secret": "1",
        "user.rootlesscontainers": "x",
    }
    pax = {f"SCHILY.xattr.{name}": text for name, text in attributes.items()}
    path = save(tmp_path, [archive(Member(name="ping", pax=pax))])
    anybody.pocker("load", "-i", anybody.give(path))
    (line,) = (
        line
        for line in anybody.python(LISTING, anybody.directories.state, NAME).splitlines()
        if line.startswith("ping ")
    )
    assert line.endswith(str([("security.capability", value)]))


@pytest.mark.parametrize("owner", [0, 30])
def test_changes_of_a_container_come_back(
    owner: int, user: OrdinaryUser, alone: OrdinaryUser, tmp_path: Path
) -> None:
    """Deletions, opaque directories and owners, those too that only a note tells of."""
    one = user if owner else alone
    base = archive(
        directory("gone"), Member(name="gone/in"), Member(name="lost"),
        Member(name="noted", uid=2_000_000, gid=3), symlink("bin", "usr"),
    )  # fmt: skip
    one.pocker("load", "-i", one.give(save(tmp_path, [base])))
    places = (one.directories.root, one.directories.state)
    exported = one.home / "exported.tar"
    told = one.python(COMMIT, *places, NAME, str(owner), exported)
    assert "'D /gone/in'" in told
    assert "'D /lost'" in told
    assert "'C /noted'" in told
    one.pocker("save", "-o", one.home / "made.tar", "made")
    made = _top_layer(one.home / "made.tar")
    for members in (made, _members(exported.read_bytes())):
        assert (members["noted"].uid, members["noted"].gid) == (2_000_000, 3)
        assert (members["gone/new"].uid, members["noted"].mode) == (owner, 0o600)
        assert not any("rootless" in key for each in members.values() for key in each.pax_headers)
    assert {".wh.lost", "gone/.wh..wh..opq"} <= made.keys()


def _members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def _top_layer(path: Path) -> dict[str, tarfile.TarInfo]:
    """The members of the last layer in an archive of `save`."""
    with tarfile.open(path) as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        (image,) = json.loads(read("manifest.json"))
        return _members(read(image["Layers"][-1]))
