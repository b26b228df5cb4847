"""Images in words: names, ids, sizes and ages as Docker shows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from attrs import frozen

from runtime.images.image import Image
from runtime.images.reference import parse_reference
from supervisor.cli.moments import about, dated

NONE = "<none>"
_SHORT = 12


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


def parse_time(text: str) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None where it is none."""
    # More digits than microseconds are more than Python reads.
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except ValueError:
        return None


def created(text: str, now: float) -> str:
    """The age of an image from the time in its configuration."""
    moment = parse_time(text)
    return "N/A" if moment is None else f"{about(now - moment)} ago"


def created_at(text: str) -> str:
    """The time in an image's configuration, as it is in the configuration where it is none."""
    moment = parse_time(text)
    return text if moment is None else dated(moment)
