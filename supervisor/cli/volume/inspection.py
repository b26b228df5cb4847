"""`pocker volume inspect`: all that is known about volumes, with Docker's names."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.settings import Settings
from supervisor.cli.turns import show_in_turn
from supervisor.cli.volume.access import find_volume, volume_document, volume_store


@click.command
@click.option("-f", "--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.Name}}'.")
@click.argument(
    "names", nargs=-1, required=True, metavar="VOLUME...", shell_complete=candidates.volumes
)
@click.pass_obj
def command(settings: Settings, *, names: Sequence[str], form: str | None) -> None:
    """Show all that is known about each VOLUME, as JSON."""
    with volume_store(settings) as store:
        show_in_turn(names, lambda name: volume_document(find_volume(store, name)), form)
