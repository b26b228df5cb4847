"""The files of a container that is over."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

import trio

from runtime.directories import ContainerDirectory
from runtime.errors import ContainerError


async def remove_files(directory: ContainerDirectory) -> None:
    """Remove what a container without processes and groups has left, if anything."""
    try:
        if not _remove_unused(directory):
            await trio.to_thread.run_sync(shutil.rmtree, directory.state)
        if os.path.lexists(directory.runtime):
            shutil.rmtree(directory.runtime)
    except OSError as error:
        cause = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ContainerError(f"remove {error.filename}: {cause}") from error


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
        # No longer needed to keep the layers below: nothing lies on them.
        for path in (layer.lower, layer.config):
            with suppress(FileNotFoundError):
                os.unlink(path)
        with suppress(FileNotFoundError):
            os.rmdir(directory.state)
    except OSError:
        return False
    return True
