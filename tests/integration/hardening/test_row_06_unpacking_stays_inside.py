"""Row 6: unpacking stays inside."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.importing import import_archive
from runtime.images.store import ImageStore
from tests.runtime.images.archives import Member, archive, directory, pieces, symlink

pytestmark = pytest.mark.root

ATTRIBUTE = {"SCHILY.xattr.trusted.bad": "1"}
KINDS = {
    "file": Member(name="", content=b"bad", mode=0o4777, uid=1000),
    "directory": directory("", mode=0o1777, uid=1000, pax=ATTRIBUTE),
    "symlink": symlink("", "/etc/passwd", uid=1000, pax=ATTRIBUTE),
    "hard link": Member(name="", type=tarfile.LNKTYPE, link="CANARY/file"),
    "character device": Member(name="", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
    "block device": Member(name="", type=tarfile.BLKTYPE, device=(8, 0), mode=0o666),
    "fifo": Member(name="", type=tarfile.FIFOTYPE, mode=0o666),
}
WAYS = {
    "absolute": "CANARY/{}",
    "upwards": "../../../../../../../../../../../CANARY/{}",
    "upwards from inside": "d/../../../../../../../../../../../CANARY/{}",
    "through a link": "link/{}",
    "through a relative link": "climbing/{}",
    "through a link to a link": "twice/{}",
    "overlong": "n" * 255 + "/" + "m" * 300 + "{}",
}
TARGETS = ("file", "new", ".wh.file", ".wh..wh..opq")


def snapshot(top: Path) -> Sequence[object]:
    """Everything about the canary that anybody could change."""
    found = []
    for path in (top, *sorted(top.rglob("*"))):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found.append(
            (path, status.st_mode, status.st_uid, status.st_ino, status.st_mtime_ns,
             status.st_ctime_ns, status.st_nlink, os.listxattr(path), content)
        )  # fmt: skip
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_outside_is_identical(kind: str, way: str, state: Directories) -> None:
    """Whatever an entry is and however it tries: kept inside or refused, twice as well as once."""
    state.prepare()
    canary = Path(state.state).parent / "canary"
    canary.mkdir()
    (canary / "file").write_text("sings")
    before = snapshot(canary)
    where = str(canary)
    climbing = "../" * 12 + where.lstrip("/")
    links = [symlink("link", where), symlink("climbing", climbing), symlink("twice", "link")]
    store = ImageStore(state.state)
    for target in TARGETS:
        name = WAYS[way].format(target).replace("CANARY", where.lstrip("/"))
        entry = KINDS[kind]
        made = evolve(
            entry,
            name=f"/{name}" if way == "absolute" else name,
            link=entry.link.replace("CANARY", where),
        )
        data = archive(directory("d"), *links, made, made)
        try:
            import_archive(store, pieces(data), created="2024-01-02T03:04:05Z")
        except ImageError as error:
            assert str(error).startswith("layer: ")
    assert snapshot(canary) == before
