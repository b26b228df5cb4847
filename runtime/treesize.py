"""How much lies in a directory, also while somebody takes things out of it."""

from __future__ import annotations

import os
from contextlib import suppress


def tree_size(directory: str) -> int:
    """The bytes of all files below a directory, each counted once; 0 where there is none."""
    sizes: dict[tuple[int, int], int] = {}
    todo = [directory]
    while todo:
        with suppress(FileNotFoundError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                    continue
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())
