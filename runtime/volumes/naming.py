"""Names for volumes that nobody has named, and what marks these. Pure but for chance."""

from __future__ import annotations

import re
import secrets

ANONYMOUS = "com.docker.volume.anonymous"
"""Docker's label of a volume that was given no name."""

_MADE_UP = re.compile(r"[0-9a-f]{64}")


def new_name() -> str:
    """A name for a volume that is given none."""
    return secrets.token_hex(32)


def is_made_up(name: str) -> bool:
    """Whether a name has the form of these."""
    return _MADE_UP.fullmatch(name) is not None
