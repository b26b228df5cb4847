"""Which volumes the containers have that exist at this moment.

A container has a list of them in its runtime directory from before it looks for the first one until
nothing of it is left. What was only half written when somebody reads it is the list of one that has
not looked yet, or never will.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from runtime.directories import Directories


def note_volumes(path: str, names: Sequence[str]) -> None:
    """Write the list of a container. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as file:
        json.dump(list(names), file)


def volumes_in_use(directories: Directories) -> dict[str, list[str]]:
    """The containers in these directories that have each volume. Raises OSError."""
    used: dict[str, list[str]] = {}
    try:
        containers = sorted(os.listdir(directories.containers))
    except FileNotFoundError:
        return used
    for container in containers:
        try:
            with open(directories.container(container).volumes, "rb") as file:
                names = json.load(file)
        except (FileNotFoundError, ValueError):
            continue
        for name in names:
            used.setdefault(name, []).append(container)
    return used
