"""`pocker volume rm`: volumes that are not wanted any more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from runtime.errors import VolumeError
from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings
from supervisor.cli.volume.access import find_volume, volume_store
from supervisor.volumeusers import users_of_volumes


@click.command
@click.option("-f", "--force", is_flag=True, help="Mind no missing one.")
@click.argument(
    "names", nargs=-1, required=True, metavar="VOLUME...", shell_complete=candidates.volumes
)
@click.pass_obj
def command(settings: Settings, *, names: Sequence[str], force: bool) -> None:
    """Remove VOLUMEs with all that is in them.

    One that a container uses stays, whether that runs or not, and so does that of a job of `up`.
    """
    failures = []
    with volume_store(settings, change=True) as store:
        known = store.names()
        for name in names:
            if force and name not in known:
                continue
            try:
                find_volume(store, name)
                store.remove(name, partial(users_of_volumes, settings.directories))
                click.echo(name)
            except VolumeError as error:
                failures.append(str(error))
    if failures:
        raise Failure("; ".join(failures))
