"""A layer on disk is what its archive says, in the terms of overlay, and nothing is outside."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest

from runtime.errors import ImageError
from runtime.images.lowers import overlay_xattr
from runtime.images.tarstream import UnpackLimits
from runtime.images.unpack import unpack_layer
from tests.runtime.images.archives import (
    Member,
    archive,
    directory,
    hard_link,
    pieces,
    symlink,
)

pytestmark = pytest.mark.root

LIMITS = UnpackLimits(bytes=1 << 24, entries=1000, depth=20)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory for layers, beside a canary that must not change."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary/file").write_text("sings")
    (tmp_path / "layers").mkdir()
    return tmp_path / "layers"


def unpack(place: Path, *members: Member, over: tuple[Path, ...] = ()) -> Path:
    """Unpack a layer of these members over others, topmost first."""
    layer = place / f"layer{len(list(place.iterdir()))}"
    layer.mkdir()
    unpack_layer(pieces(archive(*members)), str(layer), [str(path) for path in over], LIMITS)
    return layer


def is_whiteout(path: Path) -> bool:
    """Whether overlay takes it for the absence of a file."""
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(path: Path) -> bool:
    """Whether overlay shows nothing of the directories below it."""
    return (
        overlay_xattr("opaque") in os.listxattr(path)
        and os.getxattr(path, overlay_xattr("opaque")) == b"y"
    )


def test_everything_comes_out_as_it_went_in(place: Path) -> None:
    """Owners, modes with special bits, times to the nanosecond, attributes, devices, links."""
    layer = unpack(
        place,
        directory("./", mode=0o711, uid=3),
        directory("d", mode=0o1777, uid=1, gid=2, pax={"mtime": "5.000000007"}),
        Member(
            name="d/f", content=b"hi", mode=0o6755, uid=1000, gid=1001, pax={"mtime": "1.000000009"}
        ),
        hard_link("d/again", "d/f"),
        symlink("d/s", "/nowhere", uid=7),
        Member(name="null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666, gid=9),
        Member(name="disk", type=tarfile.BLKTYPE, device=(8, 1)),
        Member(name="pipe", type=tarfile.FIFOTYPE, mode=0o622),
        Member(
            name="x",
            pax={"SCHILY.xattr.user.k": "v", "SCHILY.xattr.trusted.overlay.opaque": "y"},
        ),
    )  # fmt: skip
    file = (layer / "d/f").stat()
    assert (file.st_mode, file.st_uid, file.st_gid, file.st_nlink) == (0o106755, 1000, 1001, 2)
    assert file.st_mtime_ns == 1_000_000_009
    assert (layer / "d/again").stat().st_ino == file.st_ino
    assert (layer / "d").stat().st_mtime_ns == 5_000_000_007
    assert ((layer / "d").stat().st_mode, layer.stat().st_mode) == (0o41777, 0o40711)
    assert (os.readlink(layer / "d/s"), (layer / "d/s").lstat().st_uid) == ("/nowhere", 7)
    assert (layer / "null").stat().st_rdev == os.makedev(1, 3)
    assert stat.S_ISBLK((layer / "disk").stat().st_mode)
    assert (layer / "pipe").stat().st_mode == 0o10622
    assert os.listxattr(layer / "x") == ["user.k"]


def test_whiteouts_become_those_of_overlay(place: Path) -> None:
    """A deleted file, a directory that hides, and what older programs left behind."""
    layer = unpack(
        place,
        directory("d"),
        Member(name="d/.wh.gone"),
        directory("o"),
        Member(name="o/.wh..wh..opq"),
        Member(name="o/new"),
        Member(name=".wh..wh.plnk"),
    )
    assert is_whiteout(layer / "d/gone")
    assert (is_opaque(layer / "o"), is_opaque(layer / "d")) == (True, False)
    assert sorted(os.listdir(layer)) == ["d", "o"]


def test_deleted_and_made_again_hides_the_old(place: Path) -> None:
    """In either order, a whiteout is about the layers below, and what is new stays."""
    layer = unpack(
        place,
        Member(name=".wh.a"), directory("a"), Member(name="a/f"),
        directory("b"), Member(name="b/f"), Member(name=".wh.b"),
        Member(name=".wh.c"), Member(name="c", content=b"new"),
        Member(name="e", content=b"new"), Member(name=".wh.e"),
        Member(name=".wh.i"), Member(name="i/f"),
    )  # fmt: skip
    assert is_opaque(layer / "a")
    assert is_opaque(layer / "b")
    assert (layer / "b/f").exists()
    assert ((layer / "c").read_text(), (layer / "e").read_text()) == ("new", "new")
    assert (layer / "i/f").is_file()


def test_a_later_entry_wins(place: Path) -> None:
    """Each kind takes the place of each other one."""
    kinds = [
        Member(name="x", content=b"1"), directory("x"), symlink("x", "y"),
        Member(name="x", type=tarfile.FIFOTYPE), Member(name="x", content=b"2"), directory("x"),
        Member(name="x/inside"), Member(name="x", content=b"3", mtime=77),
    ]  # fmt: skip
    layer = unpack(place, *kinds)
    assert ((layer / "x").read_text(), (layer / "x").stat().st_mtime) == ("3", 77)


def test_missing_parents_are_those_below(place: Path) -> None:
    """A directory that the archive leaves out has owner, mode and times of the layer below."""
    base = unpack(
        place,
        directory("./", mode=0o750),
        directory("srv", mode=0o700, uid=5, gid=6, mtime=1234),
        directory("was", uid=9),
        symlink("bin", "usr/bin"),
        directory("usr"),
        directory("usr/bin", mode=0o711),
    )
    top = unpack(place, Member(name=".wh.was"), over=(base,))
    layer = unpack(
        place,
        Member(name="srv/f"),
        Member(name="was/f"),
        Member(name="bin/tool"),
        Member(name="new/f"),
        over=(top, base),
    )
    srv = (layer / "srv").stat()
    assert (srv.st_mode, srv.st_uid, srv.st_gid, srv.st_mtime) == (0o40700, 5, 6, 1234)
    assert (layer / "was").stat().st_uid == 0
    assert sorted(os.listdir(layer)) == ["new", "srv", "usr", "was"]
    assert (layer / "usr/bin/tool").is_file()
    assert (layer / "usr/bin").stat().st_mode == 0o40711
    assert layer.stat().st_mode == 0o40750


def seen(path: Path) -> tuple[object, ...]:
    """What there is to see of a file."""
    status = path.lstat()
    attributes = {key: os.getxattr(path, key, follow_symlinks=False) for key in xattrs(path)}
    return (
        status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns,
        status.st_rdev, attributes,
    )  # fmt: skip


def xattrs(path: Path) -> list[str]:
    """The names of a file's attributes."""
    return os.listxattr(path, follow_symlinks=False)


def test_a_link_to_a_file_below_is_one_to_its_copy(place: Path) -> None:
    """The copy has all that the file has, the directories on the way as well."""
    base = unpack(
        place,
        directory("d", mode=0o711, uid=9, mtime=5),
        Member(name="d/f", content=b"data", mode=0o4750, uid=5, mtime=7,
               pax={"SCHILY.xattr.user.k": "v"}),
        symlink("d/s", "/nowhere", uid=7),
        Member(name="d/p", type=tarfile.FIFOTYPE, mode=0o640),
        Member(name="d/c", type=tarfile.CHRTYPE, device=(1, 3)),
    )  # fmt: skip
    with (base / "d/f").open("r+b") as file:
        file.seek(1 << 30)
        file.write(b"behind a hole")
        file.truncate(1 << 31)
    links = {"one": "d/f", "new/two": "d/f", "s": "d/s", "p": "d/p", "c": "d/c"}
    names = [hard_link(name, target) for name, target in links.items()]
    layer = unpack(place, *names, over=(base,))
    for name, target in links.items():
        assert (layer / name).lstat().st_ino == (layer / target).lstat().st_ino
        assert seen(layer / target) == seen(base / target)
    assert seen(layer / "d")[:5] == seen(base / "d")[:5]
    with (layer / "d/f").open("rb") as file:
        assert file.read(4) == b"data"
        file.seek(1 << 30)
        assert file.read(20) == b"behind a hole\0\0\0\0\0\0\0"
    assert (layer / "d/f").stat().st_blocks < 1 << 10, "holes are not filled"


@pytest.mark.parametrize(
    "members",
    [
        [Member(name=".wh.f"), hard_link("h", "f")],
        [Member(name="d/.wh..wh..opq"), hard_link("h", "d/f")],
        [hard_link("h", "gone")],
        [hard_link("h", "d")],
        [hard_link("h", "l/file")],
        [hard_link("f", "f")],
    ],
)
def test_a_link_to_nothing_below_is_refused(
    members: list[Member], place: Path, tmp_path: Path
) -> None:
    """What this layer or one below it hides, a directory, and what a link leads to outside."""
    base = unpack(
        place, directory("d"), Member(name="d/f"), Member(name="f"), Member(name="gone"),
        symlink("l", str(tmp_path / "canary")),
    )  # fmt: skip
    top = unpack(place, Member(name=".wh.gone"))
    with pytest.raises(ImageError, match="is a link to"):
        unpack(place, *members, over=(top, base))
    assert (tmp_path / "canary/file").stat().st_nlink == 1


OUTSIDE = "../../canary/file"
HOSTILE = {
    "absolute": [Member(name="/canary/file", content=b"bad")],
    "up": [Member(name="../../canary/file", content=b"bad")],
    "up later": [directory("a"), Member(name="a/../../../canary/file", content=b"bad")],
    "link parent": [symlink("l", "../../canary"), Member(name="l/file", content=b"bad")],
    "absolute link parent": [symlink("l", "/CANARY"), Member(name="l/file", content=b"bad")],
    "link loop": [symlink("a", "b"), symlink("b", "a"), Member(name="a/f")],
    "hard link up": [hard_link("l", OUTSIDE), Member(name="l", content=b"bad")],
    "hard link through link": [symlink("l", "../../canary"), hard_link("h", "l/file")],
    "file over link": [symlink("l", OUTSIDE), Member(name="l", content=b"bad")],
    "mode through link": [symlink("l", OUTSIDE, mode=0o777), directory("l", mode=0o777)],
    "whiteout through link": [symlink("l", "../../canary"), Member(name="l/.wh.file")],
    "opaque through link": [symlink("l", "../../canary"), Member(name="l/.wh..wh..opq")],
    "whiteout up": [Member(name=".wh..."), Member(name=".wh...")],
    "whiteout of itself": [Member(name=".wh.")],
    "link to directory": [directory("d"), hard_link("h", "d")],
    "file as parent": [Member(name="f"), Member(name="f/g")],
    "long name": [Member(name="n" * 300)],
    "deep": [Member(name="/".join("d" * 30))],
    "long path": [Member(name="/".join(["d" * 250] * 18))],
    "root": [Member(name="/", content=b"bad")],
    "owner": [Member(name="f", pax={"uid": "4294967295"})],
    "device through link": [
        symlink("l", "../../canary"),
        Member(name="l/file", type=tarfile.CHRTYPE, device=(1, 3)),
    ],
    "attribute through link": [
        symlink("l", OUTSIDE, pax={"SCHILY.xattr.trusted.bad": "1"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_nothing_outside_is_reached(members: list[Member], place: Path, tmp_path: Path) -> None:
    """Whatever an archive tries stays inside or is refused, and what is outside is as it was."""
    canary = tmp_path / "canary"
    before = [(path.lstat(), os.listxattr(path)) for path in (canary, canary / "file")]
    try:
        unpack(place, *(_pointing(member, canary) for member in members))
    except ImageError as error:
        assert str(error).startswith("layer: ")
    assert os.listdir(canary) == ["file"]
    assert (canary / "file").read_text() == "sings"
    after = [(path.lstat(), os.listxattr(path)) for path in (canary, canary / "file")]
    for (was, was_attributes), (is_, attributes) in zip(before, after, strict=True):
        assert (is_.st_mode, is_.st_ino, is_.st_uid, is_.st_nlink, is_.st_mtime_ns) == (
            was.st_mode, was.st_ino, was.st_uid, was.st_nlink, was.st_mtime_ns
        )  # fmt: skip
        assert attributes == was_attributes


def _pointing(member: Member, canary: Path) -> Member:
    if member.link != "/CANARY":
        return member
    return symlink(member.name, str(canary))


REFUSED = [
    "up", "up later", "link loop", "hard link up", "whiteout of itself", "link to directory",
    "file as parent", "long name", "deep", "long path", "root", "owner",
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_means_is_refused(case: str, place: Path) -> None:
    """These are errors, and not taken for something else."""
    with pytest.raises(ImageError):
        unpack(place, *HOSTILE[case])
