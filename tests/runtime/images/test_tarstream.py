"""Archives are read as tarfile and GNU tar write them, and bounded where they are hostile."""

from __future__ import annotations

import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.tarheader import BLOCK, Entry, TarError
from runtime.images.tarstream import TarStream, UnpackLimits
from tests.runtime.images.archives import Member, archive, directory, pieces

LIMITS = UnpackLimits(bytes=1 << 30, entries=100, header=4096)


def sparse(content: bytes, sparse_map: str, size: int) -> bytes:
    """An archive with a sparse file of this map."""
    pax = {"GNU.sparse.map": sparse_map, "GNU.sparse.size": str(size)}
    return archive(Member(name="a", content=content, pax=pax))


def read(data: bytes, size: int = 700) -> list[tuple[Entry, bytes]]:
    """All members with their data."""
    stream = TarStream(pieces(data, size), LIMITS)
    return [(entry, b"".join(iter(lambda: stream.read(300), b""))) for entry in stream.entries()]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [1, 512, 100_000])
def test_every_format_is_read(form: int, size: int) -> None:
    """Names, owners, modes, times and content come out as they went in, wherever pieces end."""
    names = ["short", "d/" + "n" * 90 + "/" + "m" * 60]
    content = [b"", b"x" * 1025]
    members = [
        Member(name=name, content=data, uid=1000, gid=2000, mode=0o4755)
        for name, data in zip(names, content, strict=True)
    ]
    found = read(archive(*members, form=form), size)
    assert [(entry.path, data) for entry, data in found] == list(zip(names, content, strict=True))
    assert {(e.uid, e.gid, e.mode, e.mtime_ns) for e, _ in found} == {
        (1000, 2000, 0o4755, 1_700_000_000 * 10**9)
    }


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_large_numbers_are_read(form: int) -> None:
    """What does not fit into a header comes before it."""
    name = "/".join(["a" * 100] * 5)
    ((entry, _),) = read(archive(Member(name=name, uid=4_000_000_000), form=form))
    assert (entry.path, entry.uid) == (name, 4_000_000_000)


def test_times_are_exact() -> None:
    """A fraction of a second is not rounded as a float would be, before 1970 neither."""
    data = archive(
        Member(name="a", pax={"mtime": "1700000000.123456789"}),
        Member(name="b", pax={"mtime": "-1.5"}),
    )
    assert [entry.mtime_ns for entry, _ in read(data)] == [
        1_700_000_000_123_456_789,
        -1_500_000_000,
    ]


def test_attributes_are_bytes() -> None:
    """An attribute may hold anything, newlines included."""
    data = archive(Member(name="a", pax={"SCHILY.xattr.user.x": "1\n2=3"}))
    assert read(data)[0][0].xattrs == {"user.x": b"1\n2=3"}


SPARSE = ("gnu", *(f"posix --sparse-version={version}" for version in ("0.0", "0.1", "1.0")))


@pytest.mark.parametrize("form", SPARSE)
def test_sparse_files_are_read(form: str, tmp_path: Path) -> None:
    """GNU tar's four ways to leave out holes all give the same file."""
    path = tmp_path / "holes"
    with path.open("wb") as file:
        for position in range(12):
            file.seek(position * 200_000)
            file.write(b"x" * 5000)
        file.truncate(4_000_000)
    command = ["tar", "-c", "-S", "-C", str(tmp_path), *f"--format={form}".split(), "holes"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    ((entry, stored),) = read(data)
    assert (entry.path, entry.real_size) == ("holes", 4_000_000)
    content = bytearray(entry.real_size)
    position = 0
    for offset, length in entry.sparse or ():
        content[offset : offset + length] = stored[position : position + length]
        position += length
    assert bytes(content) == path.read_bytes()
    assert len(data) < 1_000_000


def test_what_follows_the_end_is_taken_too() -> None:
    """The digest of an archive is made of all its bytes."""
    taken = []

    def watched() -> object:
        for piece in pieces(archive(Member(name="a")) + b"\0" * 20_000):
            taken.append(len(piece))
            yield piece

    stream = TarStream(watched(), LIMITS)  # type: ignore[arg-type]  # a generator is iterable
    list(stream.entries())
    assert sum(taken) == 10240 + 20_000


_PAX = archive(Member(name="a", pax={"k": "v"}))
REFUSED = {
    "no archive": (b"x" * 1024, "wrong checksum"),
    "cut off": (archive(Member(name="a", content=b"x" * 2000))[:1500], "in the middle of a member"),
    "cut header": (archive(Member(name="a"))[:300], "in the middle of a member"),
    "too many": (archive(*[directory(f"d{n}") for n in range(101)]), "more than 100 entries"),
    "long header": (archive(Member(name="a", pax={"comment": "x" * 5000})), "extended header of"),
    "bad record": (_PAX.replace(b"6 k=v\n", b"9 k=v\n"), "broken record"),
    "bad number": (archive(Member(name="a", pax={"uid": "-1"})), "'-1' for uid"),
    "bad time": (archive(Member(name="a", pax={"mtime": "nan"})), "b'nan' for a time"),
    "sparse map": (sparse(b"x" * 9, "5,4,0,5", 9), "broken map"),
    "odd map": (sparse(b"x" * 9, "5", 9), "broken map"),
    "too large": (sparse(b"", "0,0", 1 << 40), "larger than"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_a_broken_archive_is_refused(data: bytes, message: str) -> None:
    """Each error says what is wrong."""
    with pytest.raises(TarError, match=message.replace("'", ".")):
        read(data)


@given(st.binary(max_size=2000), st.integers(0, 10 * BLOCK))
def test_no_bytes_do_harm(noise: bytes, place: int) -> None:
    """Whatever is in an archive, it is read or refused."""
    data = bytearray(archive(Member(name="a" * 120, content=b"x" * 600, pax={"mtime": "1.5"})))
    data[place : place + len(noise)] = noise
    with suppress(TarError):
        read(bytes(data))


def test_a_missing_end_is_forgiven() -> None:
    """Some programs leave the blocks of zeros out."""
    data = archive(Member(name="a", content=b"x" * 512))[:1024]
    assert [entry.path for entry, _ in read(data)] == ["a"]
