"""`pocker start`: starts containers that were created or have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import Found, containers, find_all, has_ended
from supervisor.cli.settings import Settings


@click.command
@click.option("-a", "--attach", is_flag=True, help="Show what it writes; its exit code is ours.")
@click.option("-i", "--interactive", is_flag=True, help="The same, and pass on what is typed.")
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.ended
)
@click.pass_obj
def command(settings: Settings, *, attach: bool, interactive: bool, names: Sequence[str]) -> int:
    """Start CONTAINERs that were created or have ended; those that run are left as they are.

    Where their supervisor was killed there is one again. With -a or -i there is only one, and
    `attach` tells what is passed on.
    """
    wanted = containers(find_all(settings, names))
    if not attach and not interactive:
        for found in wanted:
            _start(settings, found)
            click.echo(found.word)
        return 0
    if len(wanted) > 1:
        raise click.UsageError("only one container can be attached to")
    from supervisor.cli.attachment import Attachment

    since = time.time_ns() if has_ended(wanted[0]) else None
    _start(settings, wanted[0])
    return Attachment(found=wanted[0], interactive=interactive, since=since).carry_out()


def _start(settings: Settings, found: Found) -> None:
    from supervisor.cli.detach import start_again
    from supervisor.cli.standby import begin_serving, is_served

    if has_ended(found):
        assert found.entry is not None, "containers() lets no other through"
        start_again(settings, found.entry)
    elif not is_served(settings):
        begin_serving(settings)
