"""Notes of owners that files cannot have."""

from __future__ import annotations

import pytest

from runtime.images.ownernote import read_note, write_note


@pytest.mark.parametrize(("uid", "gid"), [(1000, 1001), (1, 127), (128, 2**32 - 2), (5, 0)])
def test_what_is_written_is_read(uid: int, gid: int) -> None:
    """Every owner comes back."""
    assert read_note(write_note(uid, gid), 0, 0) == (uid, gid)


def test_a_note_is_that_of_others() -> None:
    """The bytes are those that umoci writes for 1000:1001, and for a group of 0."""
    assert write_note(1000, 1001) == b"\x08\xe8\x07\x10\xe9\x07"
    assert write_note(1, 0) == b"\x08\x01\x10\xff\xff\xff\xff\x0f"


def test_who_has_got_another_owner_keeps_it() -> None:
    """A note speaks of files of root only: others were given away since."""
    assert read_note(write_note(1000, 1001), 7, 0) == (7, 1001)
    assert read_note(write_note(1000, 1001), 7, 8) == (7, 8)


@pytest.mark.parametrize(
    "note", [b"", b"\x08", b"\x08\xff", b"\x08" + b"\xff" * 20 + b"\x01", b"x"]
)
def test_what_is_no_note_says_nothing(note: bytes) -> None:
    """Anybody can write the attribute: the owner is that of the file."""
    assert read_note(note, 0, 3) == (0, 3)


def test_an_id_that_nobody_can_have_is_none() -> None:
    """Numbers beyond 32 bits would be cut to others."""
    assert read_note(b"\x08\x80\x80\x80\x80\x10\x10\x05", 0, 0) == (0, 5)
