"""`pocker system prune`: what nobody needs, of all kinds."""

from __future__ import annotations

import click

from runtime.errors import ContainerError
from runtime.treesize import tree_size
from runtime.units import format_decimal
from supervisor.cli.confirming import confirm, force_option
from supervisor.cli.failure import Failure
from supervisor.cli.finding import entries_of, has_ended, of_entry
from supervisor.cli.image import pruning as images
from supervisor.cli.settings import Settings
from supervisor.cli.volume import pruning as volumes
from supervisor.journal import JournalError


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also images that have a name.")
@click.option(
    "--volumes", "with_volumes", is_flag=True, help="Also volumes that were given no name."
)
@force_option
@click.pass_obj
def command(settings: Settings, *, everything: bool, with_volumes: bool, force: bool) -> None:
    """Remove all containers that have ended, and the images that no container stands on then."""
    kinds = ["all containers that do not run", "all images that no container stands on"]
    if not everything:
        kinds[1] = "all images without a name that no container stands on"
    if with_volumes:
        kinds.append("all nameless volumes that no container uses")
    confirm(f"This removes {', '.join(kinds)}.", force)
    freed = _remove_ended(settings)
    if with_volumes:
        removed = volumes.prune(settings, everything=False, wanted={})
        for name in removed:
            click.echo(f"Deleted: {name}")
        freed += sum(removed.values())
    freed += images.prune(settings, everything=everything)
    click.echo(f"Total reclaimed space: {format_decimal(freed)}")


def _remove_ended(settings: Settings) -> int:
    """Remove containers of `run -d`; returns the bytes that they had written. Raises Failure."""
    freed = 0
    for entry in entries_of(settings).values():
        if not has_ended(of_entry(settings, entry)):
            continue
        # Only where there is something to remove is the means to do so needed.
        from supervisor.cli.removal import remove

        written = tree_size(settings.detached.directories.kept_layer(entry.id).upper)
        try:
            remove(settings, entry.id, volumes=False)
        except (ContainerError, JournalError) as error:
            raise Failure(f"remove container {entry.name}: {error}") from error
        click.echo(f"Deleted: {entry.id}")
        freed += written
    return freed
