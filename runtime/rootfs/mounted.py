"""The root of a container that does not run, as the container would see it.

It is mounted in no namespace that anybody is in, and goes with its descriptor: nothing is left of
it however this process ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from runtime.directories import Directories, LayerDirectory
from runtime.errors import ContainerError
from runtime.images.usage import noted_layers
from runtime.kernel import open_overlay
from runtime.rootfs.skeleton import make_skeleton
from runtime.usernamespace import owners_here


def lower_layers(layer: LayerDirectory, directories: Directories) -> list[str]:
    """What a writable layer lies on, topmost first. Raises ContainerError where nobody knows."""
    noted = noted_layers(layer)
    if noted is None:
        raise ContainerError("its root does not stand on an image of the store or a directory")
    make_skeleton(directories.skeleton)
    return [*noted, directories.skeleton]


def open_root(layer: LayerDirectory, directories: Directories, *, writable: bool) -> int:
    """A descriptor of it, which only names it. Raises ContainerError.

    Nobody else may write to a layer that is `writable` here: whoever asks holds its lock.
    """
    directories.prepare()
    lower = lower_layers(layer, directories)
    upper, work = (layer.upper, layer.work) if writable else ("", "")
    try:
        # The thread gets a mount namespace of its own, which ends with it.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(
                open_overlay,
                _strings(lower if writable else [layer.upper, *lower]),
                os.fsencode(upper),
                os.fsencode(work),
                os.fsencode(directories.mountpoint),
                not owners_here().all_there,
            ).result()
    except OSError as error:
        raise ContainerError(f"mount its root: {(error.strerror or '').lower()}") from error


def _strings(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
