"""The directory that a command is called in."""

from __future__ import annotations

import os


def here() -> str:
    """Where relative paths of the user begin; where that was removed, a name for it all the same.

    Most commands need no such path, and what is looked for there is not there.
    """
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/proc/self/cwd"
