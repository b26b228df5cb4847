"""Raw output cut into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.lines import LONGEST, LineSplitter


@given(st.lists(st.binary(max_size=30) | st.just(b"\n") | st.just(b"a\nb\n"), max_size=20))
def test_lines_do_not_depend_on_the_cuts(chunks: list[bytes]) -> None:
    """Output that comes in pieces gives the lines of the whole."""
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    expected = b"".join(chunks).split(b"\n")
    assert lines == expected[:-1]
    assert splitter.finish() == expected[-1:] if expected[-1] else splitter.finish() == []


def test_a_long_line_comes_in_pieces() -> None:
    """No more than one piece is held back, however long the line is."""
    splitter = LineSplitter()
    pieces = []
    for _ in range(10):
        pieces += splitter.feed(b"x" * LONGEST)
    assert len(pieces) >= 9
    pieces += splitter.feed(b"end\n")
    assert b"".join(pieces) == b"x" * 10 * LONGEST + b"end"
    assert max(map(len, pieces)) <= LONGEST
    assert splitter.finish() == []
