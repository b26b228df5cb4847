"""`pocker import`: an image of one layer from a tar archive."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.image.options import change_option, message_option
from supervisor.cli.moments import rfc3339
from supervisor.cli.settings import Settings


@click.command
@change_option
@message_option
@click.argument("file", metavar="FILE|-", shell_complete=candidates.files)
@click.argument("reference", required=False, metavar="[REPOSITORY[:TAG]]")
@click.pass_obj
def command(
    settings: Settings, file: str, reference: str | None, changes: Sequence[str], message: str
) -> None:
    """Make an image of a tar archive of a root file system; print its id.

    The archive may be compressed with gzip or zstd.
    """
    # What unpacks is not for the help to import.
    from runtime.images.importing import import_archive
    from supervisor.cli.image.access import image_store, read_pieces

    with image_store(settings, change=True) as store:
        image = import_archive(
            store,
            read_pieces(file),
            names=[] if reference is None else [reference],
            changes=changes,
            message=message or f"Imported from {file}",
            created=rfc3339(time.time()) or "",
        )
    click.echo(image.id)
