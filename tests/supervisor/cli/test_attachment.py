"""What is typed at a container that somebody is attached to."""

from __future__ import annotations

import pytest

from supervisor.cli.attachment import DetachKeys


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
    keys = DetachKeys()
    assert b"".join(keys.feed(piece) for piece in typed) == passed
    assert keys.found is found
