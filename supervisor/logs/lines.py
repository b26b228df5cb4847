"""Raw output cut into lines, for whoever shows it while it comes. Pure.

Bounded: a line longer than `LONGEST` comes in pieces of that size.
"""

from __future__ import annotations

LONGEST = 16 * 1024


class LineSplitter:
    """The lines of one stream; holds back only an unfinished one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; returns the lines that they complete, without newlines."""
        *lines, rest = (self._rest + data).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line)]
        *early, self._rest = _pieces(rest)
        return pieces + early

    def finish(self) -> list[bytes]:
        """The line that the stream ended without finishing, if there is one."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    if len(line) <= LONGEST:
        return [line]
    return [line[at : at + LONGEST] for at in range(0, len(line), LONGEST)]
