"""`pocker volume create`: a volume that nobody uses yet."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runtime.volumes.naming import new_name
from supervisor.cli.settings import Settings
from supervisor.cli.volume.access import volume_store
from supervisor.values import read_labels


@click.command
@click.option(
    "-l", "--label", "labels", multiple=True, metavar="KEY[=VALUE]", help="Something to find it by."
)
@click.argument("name", required=False)
@click.pass_obj
def command(settings: Settings, *, labels: Sequence[str], name: str | None) -> None:
    """Make a volume and print its name, which is made up if none is given.

    One that is there already is left as it is.
    """
    with volume_store(settings, change=True) as store:
        click.echo(store.ensure(name or new_name(), read_labels([*labels])).name)
