"""When to look at a stream again, so that many chatty jobs cost little. Pure.

Waking up for each line is what costs. A stream that is served more often than `TURNS_PER_SECOND`
is left alone for a while, so that lines gather in its pipe, but never for so long that the pipe
would fill at its present rate. A stream with little to say is served at once.
"""

from __future__ import annotations

TURNS_PER_SECOND = 10
BURST = 10
"""Turns that are free of pauses, so that short jobs are not held up."""
GATHERED = 16 * 1024
"""Bytes that may gather in the pipe: a quarter of its capacity."""
SHORTEST = 0.002
"""Seconds below which a pause costs more than it saves."""


class Pace:
    """The turns of one stream."""

    def __init__(self, now: float) -> None:
        self._credit = float(BURST)
        self._last = now

    def pause(self, count: int, now: float) -> float:
        """How long to leave the stream alone after a turn at `now` that took `count` bytes."""
        elapsed = now - self._last
        self._last = now
        self._credit = max(0.0, min(BURST, self._credit + elapsed * TURNS_PER_SECOND) - 1)
        if self._credit >= 1:
            return 0.0
        pause = min(1 / TURNS_PER_SECOND, elapsed * GATHERED / max(count, 1))
        return pause if pause >= SHORTEST else 0.0
