"""`pocker tag`: another name for an image."""

from __future__ import annotations

import click

from supervisor.cli import candidates
from supervisor.cli.image.access import image_store
from supervisor.cli.settings import Settings


@click.command
@click.argument("image", shell_complete=candidates.images)
@click.argument("reference", metavar="REPOSITORY[:TAG]")
@click.pass_obj
def command(settings: Settings, image: str, reference: str) -> None:
    """Give IMAGE another name; an image that had the name loses it."""
    with image_store(settings, change=True) as store:
        store.tag(store.find(image), reference)
