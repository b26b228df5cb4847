"""What a registry says when it refuses. Pure."""

from __future__ import annotations

import json

_MAX_WORDS = 300


def words_of(status: int, body: bytes) -> str:
    """The status and the registry's own words, on one line that a terminal can be shown."""
    said = _errors(body)
    clean = "".join(letter if letter.isprintable() else " " for letter in said)[:_MAX_WORDS]
    return f"{status} {clean}".strip()


def _errors(body: bytes) -> str:
    try:
        document = json.loads(body)
        errors = [f"{one['code']}: {one.get('message', '')}" for one in document["errors"]]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return body.decode(errors="replace").strip()
    return "; ".join(errors)
