"""`pocker start`: starts containers that were created or have ended."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import containers, find_all, has_ended
from supervisor.cli.settings import Settings


@click.command
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.ended
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str]) -> None:
    """Start CONTAINERs that were created or have ended; those that run are left as they are.

    Where their supervisor was killed there is one again.
    """
    from supervisor.cli.detach import start_again
    from supervisor.cli.standby import begin_serving, is_served

    for found in containers(find_all(settings, names)):
        if has_ended(found):
            assert found.entry is not None, "containers() lets no other through"
            start_again(settings, found.entry)
        elif not is_served(settings):
            begin_serving(settings)
        click.echo(found.word)
