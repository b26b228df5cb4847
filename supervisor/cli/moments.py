"""Times as they are shown: local ones for people, RFC 3339 in UTC for programs. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from runtime.units import format_duration

_LONG = ((14, 1, "days"), (60, 7, "weeks"), (730, 30, "months"))
"""Up to how many days how many of them are counted as one."""
UNKNOWN = "-"
"""What a table shows in the place of something that is not there, or not known."""


def local(moment: float | None) -> str:
    """``2024-01-02 15:04:05`` in the local time zone, for seconds since the epoch."""
    if moment is None:
        return UNKNOWN
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def dated(moment: float) -> str:
    """``2024-01-02 15:04:05 +0100 CET``, as Docker has it where programs read it."""
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M:%S %z %Z}"


def rfc3339(moment: float | None) -> str | None:
    """``2024-01-02T14:04:05.123Z``."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def span(seconds: float | None) -> str:
    """A duration for a table."""
    return UNKNOWN if seconds is None else format_duration(max(0.0, seconds))


def about(seconds: float) -> str:
    """A duration in one unit, in Docker's words: ``5 seconds``, ``About a minute``, ``3 weeks``."""
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if seconds < 2 else f"{int(seconds)} seconds"
    if seconds < 3600:
        return "About a minute" if seconds < 120 else f"{int(seconds // 60)} minutes"
    hours = math.floor(seconds / 3600 + 0.5)
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    for bound, unit, word in _LONG:
        if days < bound:
            return f"{days // unit} {word}"
    return f"{int(seconds // 86400) // 365} years"
