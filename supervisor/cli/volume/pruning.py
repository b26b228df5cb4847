"""`pocker volume prune`: volumes that nobody uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import click

from runtime.units import format_decimal
from supervisor.cli.confirming import confirm, force_option
from supervisor.cli.settings import Settings
from supervisor.cli.volume.access import volume_store
from supervisor.cli.volume.filtering import matches, read_volume_filters
from supervisor.volumeusers import users_of_volumes


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also volumes that have a name.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only those: name=PART, label=KEY[=VALUE].",
)
@force_option
@click.pass_obj
def command(settings: Settings, *, everything: bool, filters: Sequence[str], force: bool) -> None:
    """Remove the volumes that nobody uses and that were given no name, or all that nobody uses."""
    wanted = read_volume_filters(filters)
    kind = "all" if everything else "all nameless"
    confirm(f"This removes {kind} volumes that no container uses, with what is in them.", force)
    removed = prune(settings, everything=everything, wanted=wanted)
    for name in removed:
        click.echo(f"Deleted: {name}")
    click.echo(f"Total reclaimed space: {format_decimal(sum(removed.values()))}")


def prune(
    settings: Settings, *, everything: bool, wanted: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Remove them; returns the sizes of those that have gone. Raises Failure."""
    with volume_store(settings, change=True) as store:
        doomed = [
            volume.name
            for volume in store.volumes()
            if (everything or volume.anonymous) and matches(volume, wanted, ())
        ]
        return store.remove_unused(doomed, partial(users_of_volumes, settings.directories))
