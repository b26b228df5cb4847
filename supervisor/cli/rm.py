"""`pocker rm`: removes containers of `run -d`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.api import ControlError
from supervisor.cli import candidates
from supervisor.cli.asking import whoever_attends
from supervisor.cli.failure import Failure
from supervisor.cli.finding import NoSuchContainer, find, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.turns import Turns


@click.command
@click.option("-f", "--force", is_flag=True, help="Kill what runs; mind no missing one.")
@click.option(
    "-v", "--volumes", is_flag=True, help="Remove their volumes as well that were given no name."
)
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.kept
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], force: bool, volumes: bool) -> None:
    """Remove CONTAINERs that have ended, with their logs and all that is known of them."""
    turns = Turns()
    for name in names:
        with turns.turn():
            try:
                _remove(settings, name, force=force, volumes=volumes)
                click.echo(name)
            except NoSuchContainer:
                if not force:
                    raise
    turns.finish()


def _remove(settings: Settings, name: str, *, force: bool, volumes: bool) -> None:
    # Only where there is something to remove is the means to do so needed.
    from supervisor.cli.removal import end_for_good, remove

    found = find(settings, name)
    if found.entry is None:
        raise Failure(f"{name} is a job of `up`, and no container of `run -d`")
    if found.attended and force:
        # Whoever attends to it removes it.
        try:
            whoever_attends(found).signal(found.job, "KILL")
        except ControlError as error:
            raise Failure(f"cannot remove container {found.name}: {error}") from error
        return
    if force and not has_ended(found):
        end_for_good(settings, found)
    if not has_ended(found):
        raise Failure(
            f"cannot remove container {found.name}: it is running: stop it first, or use -f"
        )
    remove(settings, found.job, volumes=volumes)
