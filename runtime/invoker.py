"""Whose process this is: the user who started it, also when it has become root in a user namespace.

Every command asks, so this imports next to nothing.
"""

from __future__ import annotations

import os

_user: int | None = None
"""Who has entered a namespace of his own; None for who did not need to."""


def invoking_user() -> int:
    """The user's number in the namespace that the process was started in."""
    return os.geteuid() if _user is None else _user


def remember_user() -> None:
    """Whoever this is now: he is about to have another number."""
    global _user  # noqa: PLW0603 # of the process, as its namespace is
    _user = os.geteuid()
