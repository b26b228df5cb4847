"""What a container has changed, read while it stands still.

Should this process be killed meanwhile, another one, which was forked before, lets the container go
on: it is not ours, and nobody else would.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial

import trio
from attrs import frozen

from runtime.container import Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError, ImageError
from runtime.images.changes import apply_changes
from runtime.images.committing import base_of, commit_layer
from runtime.images.config import ImageConfig, read_config
from runtime.images.document import parse
from runtime.images.image import Image
from runtime.images.store import ImageStore
from runtime.images.usage import noted_layers
from supervisor.cli.caretaker import Caretaker
from supervisor.cli.groups import first_of
from supervisor.cli.moments import rfc3339
from supervisor.cli.roots import Root


@frozen(kw_only=True)
class Wanted:
    """What is to become of it."""

    names: Sequence[str]
    changes: Sequence[str]
    author: str
    message: str
    created_by: str
    pause: bool


def take(store: ImageStore, root: Root, wanted: Wanted) -> Image:
    """An image of the container. Raises ContainerError or Failure."""
    base = _base(store, root)
    make = partial(
        commit_layer,
        store,
        root.layer.upper,
        base,
        config=apply_changes(_config(root), wanted.changes),
        names=wanted.names,
        author=wanted.author,
        message=wanted.message,
        created_by=wanted.created_by,
        created=rfc3339(time.time()) or "",
    )
    if root.container is None:
        with root.at_rest():
            return make()
    if not wanted.pause or _is_paused(root.place, root.container):
        return make()
    caretaker = Caretaker.begin(None, partial(trio.run, _let_go, root.place, root.container))
    try:
        return trio.run(_standing_still, root.place, root.container, make)
    except BaseExceptionGroup as group:
        raise first_of(group) from group
    finally:
        caretaker.dismiss()


def _base(store: ImageStore, root: Root) -> Image:
    """The image that a container stands on. Raises ImageError."""
    lower = noted_layers(root.layer)
    if lower is None:
        raise ImageError(f"container {root.word}: it does not stand on an image")
    try:
        return base_of(store, lower)
    except ImageError as error:
        raise ImageError(f"container {root.word}: {error}") from error


def _config(root: Root) -> ImageConfig:
    """How the container itself starts."""
    with open(root.layer.config, "rb") as file:
        return read_config(parse(file.read(), root.layer.config))


def _is_paused(place: Directories, identifier: str) -> bool:
    """Whether somebody else lets it stand still, and is the one to let it go on."""
    with Runtime.visiting(place, identifier) as (_, container):
        return container.paused


async def _standing_still(place: Directories, identifier: str, make: Callable[..., Image]) -> Image:
    with Runtime.visiting(place, identifier) as (_, container), ExitStack() as paused:
        paused.callback(container.unpause)
        await container.pause()
        return await trio.to_thread.run_sync(partial(make, when_read=paused.close))


async def _let_go(place: Directories, identifier: str) -> None:
    with (
        suppress(ContainerError),  # it has ended
        Runtime.visiting(place, identifier) as (_, container),
    ):
        container.unpause()
