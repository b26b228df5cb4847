"""The files of a container that is over."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from functools import partial

import trio

from runtime.directories import ContainerDirectory, Directories
from runtime.errors import ContainerError
from runtime.existence import is_there
from runtime.volumes.owning import remove_own_volumes
from runtime.volumes.store import FindUsers, VolumeStore
from runtime.volumes.usage import volumes_in_use


async def remove_files(
    directories: Directories, container_id: str, users: FindUsers | None = None
) -> None:
    """Remove what a container without processes and groups has left, if anything.

    `users` tells who uses which volumes; by default the containers of these directories count.
    Raises ContainerError.
    """
    directory = directories.container(container_id)
    try:
        if is_there(directory.own_volumes):
            store = VolumeStore.of(directories)
            look = users or partial(volumes_in_use, directories)
            await trio.to_thread.run_sync(remove_own_volumes, directory, store, look)
        if not _remove_unused(directory):
            await trio.to_thread.run_sync(shutil.rmtree, directory.state)
        if is_there(directory.runtime):
            shutil.rmtree(directory.runtime)
    except OSError as error:
        cause = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ContainerError(f"remove {error.filename}: {cause}") from error
    except ValueError as error:
        raise ContainerError(f"read {directory.own_volumes}: {error}") from error


def _remove_unused(directory: ContainerDirectory) -> bool:
    """Remove the layers if the container wrote nothing: a few calls, not worth a thread."""
    layer = directory.layer
    work = f"{layer.work}/work"
    try:
        with suppress(FileNotFoundError):
            os.unlink(f"{work}/incompat/volatile/dirty")
        for path in (
            f"{work}/incompat/volatile",
            f"{work}/incompat",
            work,
            layer.work,
            layer.upper,
        ):
            with suppress(FileNotFoundError):
                os.rmdir(path)
        # No longer needed to keep the layers below, nor the volumes that have gone.
        for path in (layer.lower, layer.config, directory.own_volumes):
            with suppress(FileNotFoundError):
                os.unlink(path)
        with suppress(FileNotFoundError):
            os.rmdir(directory.state)
    except OSError:
        return False
    return True
