"""`pocker image prune`: what nothing needs any more."""

from __future__ import annotations

import click

from runtime.images.collection import collect, users_of
from runtime.images.image import Damaged, Image
from runtime.images.store import ImageStore
from runtime.units import format_decimal
from supervisor.cli.confirming import confirm, force_option
from supervisor.cli.failure import Failure
from supervisor.cli.image.access import image_store
from supervisor.cli.image.removal import removed
from supervisor.cli.settings import Settings


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also images that have a name.")
@force_option
@click.pass_obj
def command(settings: Settings, *, everything: bool, force: bool) -> None:
    """Remove images without a name that no container stands on, and what nothing needs."""
    kind = "all images" if everything else "all images without a name"
    confirm(f"This removes {kind} that no container stands on.", force)
    click.echo(f"Total reclaimed space: {format_decimal(prune(settings, everything=everything))}")


def prune(settings: Settings, *, everything: bool) -> int:
    """Remove them; returns the bytes that were freed. Raises Failure."""
    with image_store(settings, change=True) as store:
        survey = store.survey()
        for damaged in survey.damaged:
            if everything or not damaged.names:
                _forget(store, damaged)
        for image in survey.images:
            doomed = everything or not image.names
            if doomed and not users_of(store, image, settings.directories):
                _forget(store, image)
        collected = collect(store, settings.directories)
        if collected is None:
            raise Failure("images are being added just now; try again later")
        for line in removed(collected):
            click.echo(line)
    return collected.bytes


def _forget(store: ImageStore, image: Image | Damaged) -> None:
    """What is removed with it is told by whoever collects that."""
    store.forget(image)
    for name in image.names:
        click.echo(f"Untagged: {name}")
