"""`pocker image history`: how an image came about."""

from __future__ import annotations

import sys
import time

import click

from runtime.images.image import Image
from runtime.images.layers import chain_ids
from runtime.images.store import ImageStore
from runtime.units import format_decimal
from supervisor.cli import candidates
from supervisor.cli.format import Format, format_option, print_json
from supervisor.cli.image.access import image_store
from supervisor.cli.image.wording import created, short
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table
from supervisor.cli.terminal import wants_colour

HEADERS = ("IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT")
_FIELDS = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
_WIDTH = 45


@click.command
@click.option("--no-trunc", is_flag=True, help="Whole texts.")
@click.option("-q", "--quiet", is_flag=True, help="Only ids.")
@format_option("table", "json")
@click.argument("image", shell_complete=candidates.images)
@click.pass_obj
def command(settings: Settings, image: str, *, form: Format, no_trunc: bool, quiet: bool) -> None:
    """Show the steps by which IMAGE was made, the newest first."""
    with image_store(settings) as store:
        show(store, store.find(image), form=form, no_trunc=no_trunc, quiet=quiet)


def show(store: ImageStore, found: Image, *, form: Format, no_trunc: bool, quiet: bool) -> None:
    """Print the steps."""
    chains = iter(chain_ids(found.configuration.diff_ids))
    layers = iter(found.manifest.layers)
    steps = []
    for entry in found.configuration.history:
        chain, layer = (None, None) if entry.empty else (next(chains, None), next(layers, None))
        unpacked = None if chain is None else store.layers.size(chain)
        packed = 0 if layer is None else layer.size
        steps.append((entry, packed if unpacked is None else unpacked.files))
    identifier = found.id if no_trunc else short(found.id)
    now = time.time()
    rows = [
        (
            identifier if position == 0 else "<missing>",
            created(entry.created, now),
            entry.created_by if no_trunc or form == "json" else _cut(entry.created_by),
            format_decimal(files),
            entry.comment,
        )
        for position, (entry, files) in enumerate(reversed(steps))
    ]
    if quiet:
        click.echo("".join(f"{row[0]}\n" for row in rows), nl=False)
    elif form == "json":
        print_json([dict(zip(_FIELDS, row, strict=True)) for row in rows])
    else:
        click.echo(format_table(HEADERS, rows, colour=wants_colour(sys.stdout)))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
