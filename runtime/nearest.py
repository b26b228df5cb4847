"""The nearest name that is known, for whoever has mistyped one. Pure, and the one place for it."""

from __future__ import annotations

from collections.abc import Collection

_LONGEST = 128
"""No name is longer, and comparing takes time with the product of both lengths."""
_NEAR = 0.6
"""How much of both has to be the same (difflib's own default)."""


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that is most like `name`, or None if none is near."""
    if not known:
        return None
    # Only a mistake pays for this import.
    from difflib import SequenceMatcher

    likeness, near = max(
        (SequenceMatcher(None, *_different(each, name[:_LONGEST])).ratio(), each) for each in known
    )
    return near if likeness >= _NEAR else None


def _different(one: str, other: str) -> tuple[str, str]:
    """Both without the directories that they begin with and the tag that they end with.

    Two images of one registry, or with the same tag, are not like each other for that.
    """
    while "/" in one and other.startswith(one[: one.index("/") + 1]):
        start = one.index("/") + 1
        one, other = one[start:], other[start:]
    head, colon, tag = one.rpartition(":")
    if colon and other.endswith(f":{tag}"):
        return head, other.removesuffix(f":{tag}")
    return one, other


def did_you_mean(name: str, known: Collection[str]) -> str:
    """``; did you mean "memory"?`` for the nearest known name, or nothing if none is near."""
    near = nearest(name, known)
    return "" if near is None else f'; did you mean "{near}"?'
