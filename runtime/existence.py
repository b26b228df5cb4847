"""Whether something is there, where a disk that gives no answer must not count as a no."""

from __future__ import annotations

import os


def is_there(path: str) -> bool:
    """Like os.path.lexists(), which takes any error for a no. Raises OSError."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
