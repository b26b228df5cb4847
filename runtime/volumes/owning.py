"""The volumes that are a container's own: written down before they are made, gone when it has gone.

The note lies in the container's state directory, which is what its remains are found by, after a
boot as well; that directory goes after the volumes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress

from runtime.directories import ContainerDirectory
from runtime.replacing import replace_file, sync_directory
from runtime.volumes.store import FindUsers, VolumeStore


def note_own_volumes(directory: ContainerDirectory, names: Mapping[str, str]) -> None:
    """Write down the volumes of a container's own by where it sees them. Raises OSError."""
    os.makedirs(directory.state, 0o700, exist_ok=True)
    sync_directory(os.path.dirname(directory.state))
    replace_file(directory.own_volumes, json.dumps(names).encode(), alone=True)


def own_volumes(directory: ContainerDirectory) -> dict[str, str]:
    """The volumes of a container's own, by where it sees them. Raises OSError or ValueError."""
    try:
        with open(directory.own_volumes, "rb") as file:
            return dict(json.load(file))
    except FileNotFoundError:
        return {}


def disown_volumes(directory: ContainerDirectory) -> None:
    """Let a container have none of its own any more: somebody else has them. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(directory.own_volumes)


def remove_own_volumes(directory: ContainerDirectory, store: VolumeStore, users: FindUsers) -> None:
    """Take away those of a container without processes, unless others use them by their names.

    Raises VolumeError, OSError or ValueError.
    """
    names = own_volumes(directory)
    with suppress(FileNotFoundError):
        os.unlink(directory.volumes)  # it uses none any more
    store.remove_unused(names.values(), users)
