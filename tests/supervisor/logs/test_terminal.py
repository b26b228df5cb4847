"""What a job writes cannot act on the operator's terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.terminal import neutralise


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"plain text\twith a tab", "plain text\twith a tab"),
        ("Grüße, 世界 🎉".encode(), "Grüße, 世界 🎉"),
        (b"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        (b"50%\r", "50%\\x0d"),
        (b"\xc2\x9b31m", "\\x9b31m"),
        (b"\x9b31m \xff", "\\x9b31m \\xff"),
        (b"\x00\x7f\n", "\\x00\\x7f\\x0a"),
        ("a\u202eb\u2066c".encode(), "a\\u202eb\\u2066c"),
    ],
)
def test_controls_are_made_visible(message: bytes, shown: str) -> None:
    """Text stays as it is, everything that acts on a terminal is spelled out."""
    assert neutralise(message) == shown


@given(st.binary(max_size=200))
def test_nothing_gets_through(message: bytes) -> None:
    """Whatever the bytes, no control character but a tab is left."""
    shown = neutralise(message)
    assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\t"}
    shown.encode()
