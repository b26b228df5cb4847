"""How often and when a request to a registry is tried again. Pure: chance is handed in."""

from __future__ import annotations

ATTEMPTS = 5
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be others the next time."""

_FIRST = 0.5
_LONGEST = 30.0


def pause(failures: int, retry_after: str | None, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance` is between 0 and 1.

    A registry that says when to come back is believed up to the longest pause. Clients that failed
    together do not come back together.
    """
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:6]), _LONGEST)
    longest = min(_FIRST * 2.0 ** (min(failures, 10) - 1), _LONGEST)
    return longest * (0.5 + chance / 2)
