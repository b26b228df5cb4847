"""What may be written to a terminal, and whether in colour."""

from __future__ import annotations

import os
from typing import TextIO


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at it; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def wants_colour(stream: TextIO | None) -> bool:
    """Whether to colour what goes there (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def harmless(text: str) -> str:
    """The text on one line, and without anything that a terminal would act upon."""
    if text.isprintable():
        return text
    # Only odd text pays for this import.
    from supervisor.logs import neutralise

    return neutralise(text.encode(errors="surrogateescape"))
