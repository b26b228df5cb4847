"""The keys that leave a command running, among what is typed."""

from __future__ import annotations

import pytest

from supervisor.cli.detachkeys import DEFAULT_KEYS, DetachKeys, parse_keys


@pytest.mark.parametrize(
    ("typed", "passed", "found"),
    [
        ([b"ls\r"], b"ls\r", False),
        ([b"\x10\x11"], b"", True),
        ([b"ls\r\x10", b"\x11rm -r /\r"], b"ls\r", True),
        ([b"\x10", b"x\x11"], b"\x10x\x11", False),
        ([b"\x10\x10", b"\x11"], b"\x10", True),
        ([b"\x10", b"\x10", b"a"], b"\x10\x10a", False),
    ],
)
def test_two_keys_in_a_row_leave(typed: list[bytes], passed: bytes, found: bool) -> None:
    """However they are read; all that comes before them is passed on, and nothing behind them."""
    keys = DetachKeys(parse_keys(DEFAULT_KEYS))
    assert b"".join(keys.feed(piece) for piece in typed) == passed
    assert keys.found is found


@pytest.mark.parametrize(
    ("text", "typed"),
    [("ctrl-p,ctrl-q", b"\x10\x11"), ("ctrl-@,ctrl-[", b"\x00\x1b"), ("a,ctrl-\\,b", b"a\x1cb")],
)
def test_keys_are_written_as_docker_has_them(text: str, typed: bytes) -> None:
    """Characters, and those that are typed with the control key."""
    assert parse_keys(text) == typed


@pytest.mark.parametrize("text", ["ctrl-1", "ab", "ctrl-", "", "ctrl-p,", "é"])
def test_what_cannot_be_typed_is_no_key(text: str) -> None:
    """And whoever asks for it is told."""
    with pytest.raises(ValueError, match="is neither"):
        parse_keys(text)


def test_longer_keys_are_found_wherever_they_begin() -> None:
    """What turned out not to be theirs is passed on in time."""
    keys = DetachKeys(b"aab")
    assert keys.feed(b"xa") == b"x"
    assert keys.feed(b"a") == b""
    assert keys.feed(b"a") == b"a"
    assert keys.feed(b"b") == b""
    assert keys.found
