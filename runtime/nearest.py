"""The nearest name that is known, for whoever has mistyped one. Pure, and the one place for it."""

from __future__ import annotations

from collections.abc import Collection

_LONGEST = 128
"""No name is longer, and comparing takes time with the product of both lengths."""


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that is most like `name`, or None if none is near."""
    # Only a mistake pays for this import.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name[:_LONGEST], known, n=1)), None)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """``; did you mean "memory"?`` for the nearest known name, or nothing if none is near."""
    near = nearest(name, known)
    return "" if near is None else f'; did you mean "{near}"?'
