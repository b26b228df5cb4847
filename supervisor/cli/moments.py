"""Times as they are shown: local ones for people, RFC 3339 in UTC for programs. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from runtime.units import format_duration

UNKNOWN = "-"
"""What a table shows in the place of something that is not there, or not known."""


def local(moment: float | None) -> str:
    """``2024-01-02 15:04:05`` in the local time zone, for seconds since the epoch."""
    if moment is None:
        return UNKNOWN
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def rfc3339(moment: float | None) -> str | None:
    """``2024-01-02T14:04:05.123Z``."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def span(seconds: float | None) -> str:
    """A duration for a table."""
    return UNKNOWN if seconds is None else format_duration(max(0.0, seconds))
