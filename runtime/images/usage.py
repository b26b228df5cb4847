"""Which unpacked layers containers stand on.

Beside its writable layer a container of an image of the store has a list of the layers below it,
from before its start until its writable layer is gone. It is written first and the layers are
looked at afterwards, while a collection takes layers away only with the store locked, after reading
all lists: so either the list is seen, or the container finds a layer missing before it starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from runtime.directories import Directories
from runtime.errors import StartError


def note_layers(path: str, lower: Sequence[str]) -> None:
    """Write the list of a container. Raises StartError where one of the layers has gone."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as file:
        json.dump(list(lower), file)
    for directory in lower:
        if not os.path.isdir(directory):
            raise StartError(f"image layer {directory}: no such directory")


def layers_in_use(directories: Directories) -> dict[str, list[str]]:
    """The containers that stand on each directory. Raises OSError."""
    used: dict[str, list[str]] = {}
    for place in (directories, directories.detached):
        for name in _containers(place):
            try:
                with open(place.container(name).layers, "rb") as file:
                    lower = json.load(file)
            except (FileNotFoundError, ValueError):
                # One that is being made has not looked at its layers yet, one that goes is done.
                continue
            for directory in lower:
                used.setdefault(directory, []).append(name)
    return used


def _containers(directories: Directories) -> list[str]:
    try:
        return os.listdir(f"{directories.state}/containers")
    except FileNotFoundError:
        return []
