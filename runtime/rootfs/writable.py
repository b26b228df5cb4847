"""The writable layer of a container: made before its start, with a note of what it lies on.

One that is kept is made once. It is whole as soon as it has its `upper`, which gets its name last,
so whatever a kill has left of it is completed by the next who needs it. It is locked meanwhile, and
by whoever reads or changes it while its container does not run: a start waits for both.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from runtime.directories import Directories, LayerDirectory
from runtime.errors import ContainerError, StartError
from runtime.existence import is_there
from runtime.images.config import ImageConfig, write_config
from runtime.images.usage import note_layers, noted_layers
from runtime.locking import locked
from runtime.spec import ContainerSpec, OverlayRootfs


def writable_layer(spec: ContainerSpec, directories: Directories) -> LayerDirectory:
    """The one that a container has, if its root is an overlay."""
    if isinstance(spec.rootfs, OverlayRootfs) and spec.rootfs.keep is not None:
        return directories.kept_layer(spec.rootfs.keep)
    return directories.container(spec.id).layer


async def make_writable_layer(spec: ContainerSpec, directories: Directories) -> None:
    """Make what a container writes to, if its root is an overlay. Raises StartError or OSError."""
    if not isinstance(spec.rootfs, OverlayRootfs):
        return
    layer = writable_layer(spec, directories)
    if spec.rootfs.keep is None:
        os.mkdir(layer.path, 0o700)
        note_layers(layer, spec.rootfs.lower)
        _fill(layer, spec.rootfs.lower, directories, spec.image_config)
        return
    keep = partial(keep_layer, layer, spec.rootfs.lower, directories, spec.image_config)
    await trio.to_thread.run_sync(keep, abandon_on_cancel=True)


def keep_layer(
    layer: LayerDirectory,
    lower: Sequence[str],
    directories: Directories,
    config: ImageConfig | None = None,
) -> None:
    """Make a layer that stays until `remove_layer`, if it is not there.

    `config` is what an image that is made of it says of how its containers start. Raises StartError
    where it lies on other layers than these, or OSError. Waits for the lock.
    """
    os.makedirs(layer.path, 0o700, exist_ok=True)
    with locked(layer.lock):
        noted = noted_layers(layer)
        if noted is not None and noted != [*lower]:
            raise StartError(f"{layer.path}: lies on other layers than those of the image")
        if noted is None:
            with suppress(FileNotFoundError):  # part of one
                os.unlink(layer.lower)
            note_layers(layer, lower)
        _fill(layer, lower, directories, config)


def _is_of_store(lower: Sequence[str], directories: Directories) -> bool:
    """Whether it is the store that has the layers, and takes those away that nobody has noted."""
    return lower[0].startswith(f"{directories.images}/")


def _fill(
    layer: LayerDirectory,
    lower: Sequence[str],
    directories: Directories,
    config: ImageConfig | None,
) -> None:
    os.makedirs(layer.work, 0o700, exist_ok=True)
    if is_there(layer.upper):
        return
    if config is not None:
        Path(layer.config).write_text(json.dumps(write_config(config)))
    unfinished = f"{layer.upper}.new"
    os.makedirs(unfinished, exist_ok=True)
    os.chmod(unfinished, 0o755)  # the container's root, whatever the umask here
    if _is_of_store(lower, directories):
        # An image of the store says whose it is; a directory may be private to its owner.
        image = os.stat(lower[0])
        os.chown(unfinished, image.st_uid, image.st_gid)
        os.chmod(unfinished, stat.S_IMODE(image.st_mode))
    os.rename(unfinished, layer.upper)


def _unless_gone(_: object, __: str, error: tuple[type, BaseException, object]) -> None:
    """What somebody else removes at the same time need not be removed, but all the rest."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


def remove_layer(layer: LayerDirectory) -> None:
    """Remove a layer that was kept, unless somebody else does. Raises ContainerError."""
    doomed = f"{layer.path}.{secrets.token_hex(4)}"
    try:
        os.rename(layer.path, doomed)
        shutil.rmtree(doomed, onerror=_unless_gone)
    except FileNotFoundError:
        pass  # somebody else removes it
    except OSError as error:
        raise ContainerError(
            f"remove {error.filename}: {(error.strerror or '').lower()}"
        ) from error
