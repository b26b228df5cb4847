"""What may be written to a terminal, and whether in colour."""

from __future__ import annotations

import os
from typing import TextIO


def is_animated(stream: TextIO) -> bool:
    """Whether something may be drawn there over and over again."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what goes there (https://no-color.org)."""
    return is_animated(stream) and not os.environ.get("NO_COLOR")


def harmless(text: str) -> str:
    """The text on one line, and without anything that a terminal would act upon."""
    if text.isprintable():
        return text
    # Only odd text pays for this import.
    from supervisor.logs import neutralise

    return neutralise(text.encode(errors="surrogateescape"))
