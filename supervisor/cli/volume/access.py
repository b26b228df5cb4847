"""The volumes, as the commands open them: errors are one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from runtime.errors import ContainerError, VolumeError
from runtime.nearest import did_you_mean
from runtime.volumes.store import DRIVER, StoredVolume, VolumeStore
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings


@contextmanager
def volume_store(settings: Settings, *, change: bool = False) -> Iterator[VolumeStore]:
    """The store, its place made if it is to be changed. Raises Failure for what goes wrong."""
    try:
        if change:
            settings.directories.prepare()
        yield VolumeStore.of(settings.directories)
    except ContainerError as error:
        raise Failure(str(error)) from error


def find_volume(store: VolumeStore, name: str) -> StoredVolume:
    """The volume of this name. Raises VolumeError with the name that is most like it."""
    names = store.names()
    if name not in names:
        raise VolumeError(f"no such volume: {name}{did_you_mean(name, names)}")
    return store.find(name)


def volume_document(volume: StoredVolume) -> dict[str, Any]:
    """All that is known, by Docker's names."""
    return {
        "CreatedAt": datetime.fromtimestamp(volume.created, UTC).isoformat(timespec="seconds"),
        "Driver": DRIVER,
        "Labels": dict(volume.labels),
        "Mountpoint": volume.data,
        "Name": volume.name,
        "Options": None,
        "Scope": DRIVER,
    }
