"""Images in words: names, ids, sizes and ages as Docker shows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from attrs import frozen

from runtime.images.image import Image
from runtime.images.reference import parse_reference

NONE = "<none>"
_SHORT = 12
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_AGES = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86400, 3600, "hour"),
    (86400 * 14, 86400, "day"),
    (86400 * 60, 86400 * 7, "week"),
    (86400 * 730, 86400 * 30, "month"),
)
_YEAR = 86400 * 365


@frozen
class Name:
    """One line of a list: what an image is called there."""

    repository: str
    tag: str
    digest: str


def names_of(image: Image) -> Iterator[Name]:
    """All that an image is called, or that it has no name."""
    for text in image.names:
        reference = parse_reference(text)
        yield Name(reference.familiar_name, reference.tag or NONE, image.target.digest)
    if not image.names:
        yield Name(NONE, NONE, image.target.digest)


def short(digest: str) -> str:
    """The beginning of a digest, enough to name it by."""
    return digest.partition(":")[2][:_SHORT]


def size(number: int) -> str:
    """Three or four digits and a decimal unit: ``4.86MB``."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g}{_UNITS[unit]}" if value < 999.5 else f"{value:.4g}{_UNITS[unit]}"


def parse_time(text: str) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None where it is none."""
    # More digits than microseconds are more than Python reads.
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except ValueError:
        return None


def age(seconds: float) -> str:
    """How long ago that was: ``2 weeks ago``."""
    for bound, unit, word in _AGES:
        if seconds < bound:
            return _ago(max(0, int(seconds // unit)), word)
    return _ago(int(seconds // _YEAR), "year")


def _ago(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'} ago"


def created(text: str, now: float) -> str:
    """The age of an image from the time in its configuration."""
    moment = parse_time(text)
    return "N/A" if moment is None else age(now - moment)
