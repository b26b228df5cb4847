"""Trees that last: only who makes them needs the means to do so."""

from __future__ import annotations

import os

from runtime.kernel import syncfs


def sync_tree(directory: str) -> None:
    """Make a whole tree durable: a call for each file would take longer than all else."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syncfs(fd)
    finally:
        os.close(fd)
