"""What is packed here is placed there, and nothing else changes, whatever links there are."""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.images.packing import pack
from runtime.kernel import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
)
from runtime.rootfs.placing import PlacingError, Spot, place
from tests.integration.images.listing import lines
from tests.runtime.images.archives import (
    Member,
    archive,
    directory,
    hard_link,
    symlink,
)

pytestmark = pytest.mark.root

BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Give a root with links that lead out of it, beside a canary that must not change."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary/file").write_text("sings")
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "bin").symlink_to("/usr/bin")
    (root / "out").symlink_to("../../../../canary")
    return root


@contextmanager
def held(path: Path) -> Iterator[int]:
    """A descriptor that names a file."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def put(
    top: Path,
    chunks: Iterable[bytes],
    *,
    path: str = "",
    resolve: int = BENEATH,
    owner: tuple[int, int] | None = (7, 8),
) -> int:
    """Place an archive in a tree."""
    with held(top) as root:
        return place(chunks, Spot(root=root, path=path, resolve=resolve), owner)


def test_a_tree_comes_out_as_it_is(tmp_path: Path) -> None:
    """File by file: owners, modes, times, attributes, devices and links."""
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    (source / "d/in").mkdir(parents=True)
    (source / "d/file").write_bytes(b"x" * 300_000)
    os.link(source / "d/file", source / "d/in/link")
    os.setxattr(source / "d/file", "user.k", b"\xff")
    os.chown(source / "d/file", 1000, 2000)
    (source / "d/file").chmod(0o4755)
    (source / "d/dangling").symlink_to("/nowhere")
    os.mkfifo(source / "pipe")
    os.mknod(source / "null", 0o20666, os.makedev(1, 3))
    os.utime(source / "d", ns=(1, 1_500_000_001))
    (source / "d").chmod(0o711)
    with held(source) as node:
        assert put(target, pack(node, ""), owner=None) == 300_000
    assert list(lines(str(target))) == list(lines(str(source)))


def test_who_gets_it_gets_nothing_else(top: Path) -> None:
    """Another owner's set-id bits and attributes are left out; a directory that is there stays."""
    (top / "usr").chmod(0o700)
    put(
        top,
        [archive(
            directory("./", mode=0o777), directory("usr", mode=0o777),
            directory("new", mode=0o2750),
            Member(name="new/f", mode=0o6755, uid=5, pax={"SCHILY.xattr.user.k": "v"}),
            hard_link("new/g", "new/f"), symlink("new/l", "f"), Member(name="made/up/h"),
        )],
    )  # fmt: skip
    status = (top / "new/f").stat()
    assert (status.st_mode, status.st_uid, status.st_gid, status.st_nlink) == (0o100755, 7, 8, 2)
    assert os.listxattr(top / "new/f") == []
    assert stat.S_IMODE((top / "new").stat().st_mode) == 0o750
    assert stat.S_IMODE((top / "usr").stat().st_mode) == 0o700
    assert (top / "new/l").lstat().st_uid == 7
    assert (top / "made/up/h").exists()
    with pytest.raises(PlacingError, match="'d': is a device, which only --archive copies"):
        put(top, [archive(Member(name="d", type=tarfile.CHRTYPE, device=(1, 3)))])


def test_links_lead_nowhere_else(top: Path) -> None:
    """In a root they are followed as its own processes would; on the host not at all."""
    put(top, [archive(Member(name="tool"))], path="/bin", resolve=IN_ROOT)
    put(top, [archive(Member(name="bin/other"))], path="/", resolve=IN_ROOT)
    assert sorted(os.listdir(top / "usr/bin")) == ["other", "tool"]
    with pytest.raises(PlacingError, match="out/file: no such file or directory"):
        put(top, [archive(Member(name="out/file"))], path="/", resolve=IN_ROOT)
    for name in ("bin/file", "out/file"):
        with pytest.raises(PlacingError, match=f"{name}: too many levels of symbolic links"):
            put(top, [archive(Member(name=name))])
    with pytest.raises(PlacingError, match="leads upwards"):
        put(top, [archive(Member(name="../file"))])
    with pytest.raises(PlacingError, match="is a link to 'usr/file', which is not there"):
        put(top, [archive(hard_link("h", "usr/file"))])
    put(top, [archive(symlink("l", "../canary/file"), Member(name="l", content=b"silent"))])
    assert (top / "l").read_text() == "silent"
    assert (top.parent / "canary/file").read_text() == "sings"


def test_files_and_directories_do_not_take_each_others_place(top: Path) -> None:
    """A link to a directory is no directory."""
    (top / "file").touch()
    for name in ("file", "bin"):
        with pytest.raises(PlacingError, match="cannot overwrite a file with a directory"):
            put(top, [archive(directory(name))])
    with pytest.raises(PlacingError, match="cannot overwrite a directory with a file"):
        put(top, [archive(Member(name="usr"))])


@pytest.fixture(params=["without a name", "beside it"])
def making(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system be one that has files without a name, or one that does not."""
    real = os.open

    def open_(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, mode, dir_fd=dir_fd)

    if request.param == "beside it":
        monkeypatch.setattr(os, "open", open_)


@pytest.mark.usefixtures("making")
def test_a_file_takes_its_place_when_it_is_whole(top: Path) -> None:
    """Before that what was there is as it was, and after a failure there is nothing else."""
    (top / "usr/bin/tool").write_text("old")
    data = archive(Member(name="usr/bin/tool", content=b"x" * 2048))
    seen = []

    def chunks(end: int) -> Iterator[bytes]:
        for start in range(0, end, 512):
            seen.append((top / "usr/bin/tool").read_text())
            yield data[start : start + 512]

    with pytest.raises(PlacingError):
        put(top, chunks(2048))
    assert os.listdir(top / "usr/bin") == ["tool"]
    put(top, chunks(len(data)))
    assert {*seen} == {"old", "x" * 2048}  # the latter while the end of the archive is read
    assert seen[:6] == ["old"] * 6
    assert os.listdir(top / "usr/bin") == ["tool"]


def test_what_changes_while_it_is_packed(tmp_path: Path) -> None:
    """What vanishes is left out, and what shrinks is filled up: the archive stays well-formed."""
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    (source / "later").mkdir(parents=True)
    (source / "file").write_bytes(b"x" * 10)
    with held(source) as node:
        pieces = pack(node, "s")
        begun = [next(pieces), next(pieces)]
        assert b"s/file" in begun[1]
        os.truncate(source / "file", 4)
        begun += [next(pieces)]
        (source / "later").rmdir()
        put(target, [*begun, *pieces])
    assert (target / "s/file").read_bytes() == b"xxxx" + bytes(6)
    assert os.listdir(target / "s") == ["file"]
