"""`pocker rmi`: images that are not wanted any more."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runtime.errors import ImageError
from runtime.images.collection import Collected, collect, users_of
from runtime.images.image import Damaged, Image
from runtime.images.naming import by_reference, id_prefix
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.image.access import image_store
from supervisor.cli.settings import Settings


@click.command
@click.option("-f", "--force", is_flag=True, help="Also images of containers, and all their names.")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", shell_complete=candidates.images
)
@click.pass_obj
def command(settings: Settings, images: Sequence[str], *, force: bool) -> None:
    """Take the name IMAGE from an image; one without any name left is removed.

    An id removes the image with all its names; several need --force. The layers that containers
    stand on stay for as long as those do.
    """
    failed: list[str] = []
    with image_store(settings, change=True) as store:
        for name in images:
            try:
                _remove(store, settings, name, force=force)
            except ImageError as error:
                failed.append(str(error))
        for line in removed(collect(store, settings.directories)):
            click.echo(line)
    if failed:
        raise Failure("; ".join(failed))


def _remove(store: ImageStore, settings: Settings, name: str, *, force: bool) -> None:
    image = _find(store, name)
    called = _called(image, name)
    rest = [other for other in image.names if other not in called]
    if not called and len(image.names) > 1 and not force:
        raise ImageError(f"image {name}: has several names ({', '.join(image.names)}); use --force")
    if isinstance(image, Image) and not (called and rest) and not force:
        users = users_of(store, image, settings.directories)
        if users:
            raise ImageError(f"image {name}: is in use by {', '.join(users)}; use --force")
    store.forget(image, called if called and rest else None)
    for gone in called or image.names:
        click.echo(f"Untagged: {gone}")


def _find(store: ImageStore, name: str) -> Image | Damaged:
    """Also one that is damaged. Raises ImageError."""
    try:
        return store.find(name)
    except ImageError:
        prefix = id_prefix(name)
        named = {entry.digest for entry in by_reference(store.entries(), name)}
        for damaged in store.survey().damaged:
            digest = damaged.target.digest
            if digest in named or (prefix is not None and digest.startswith(prefix)):
                return damaged
        raise


def _called(image: Image | Damaged, name: str) -> list[str]:
    """The names of the image that `name` means; none where it is an id."""
    try:
        wanted = parse_reference(name)
    except ImageError:
        return []
    if wanted.digest is not None:
        return [text for text in image.names if parse_reference(text).name == wanted.name]
    return [text for text in image.names if text == str(wanted)]


def removed(collected: Collected | None) -> list[str]:
    """What a collection has removed, line by line.

    A layer that came uncompressed has the digest of its blob, and is told once.
    """
    if collected is None:
        return []
    return [f"Deleted: {each}" for each in dict.fromkeys((*collected.blobs, *collected.layers))]
