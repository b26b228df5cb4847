"""Which unpacked layers containers stand on.

Beside its writable layer a container whose root is an overlay has a list of the layers below it,
from before it is first mounted until it is gone. It is written first and the layers are looked at
afterwards, while a collection takes layers away only with the store locked, after reading all
lists: so either the list is seen, or the container finds a layer missing before it starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from runtime.directories import Directories, LayerDirectory
from runtime.errors import StartError


def note_layers(layer: LayerDirectory, lower: Sequence[str]) -> None:
    """Write the list of a container. Raises StartError where one of the layers has gone."""
    fd = os.open(layer.lower, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as file:
        json.dump(list(lower), file)
    for directory in lower:
        if not os.path.isdir(directory):
            raise StartError(f"image layer {directory}: no such directory")


def noted_layers(layer: LayerDirectory) -> list[str] | None:
    """The list of a container; None where there is none, or not all of it. Raises OSError."""
    try:
        with open(layer.lower, "rb") as file:
            lower: list[str] = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    return lower


def layers_in_use(directories: Directories) -> dict[str, list[str]]:
    """The containers that stand on each directory. Raises OSError."""
    used: dict[str, list[str]] = {}
    for place in (directories, directories.detached):
        writable = {
            name: place.container(name).layer for name in _names(f"{place.state}/containers")
        }
        writable |= {name: place.kept_layer(name) for name in _names(place.kept_layers)}
        for name, layer in writable.items():
            # One that is being made has not looked at its layers yet, one that goes is done.
            for directory in noted_layers(layer) or ():
                used.setdefault(directory, []).append(name)
    return used


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
