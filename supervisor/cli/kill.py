"""`pocker kill`: sends signals to jobs and containers."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.api import ControlClient, ControlError
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find_all, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served


@click.command
@click.option("-s", "--signal", default="KILL", show_default=True, help="Its name or number.")
@click.argument("names", nargs=-1, required=True, metavar="JOB|CONTAINER...")
@click.pass_obj
def command(settings: Settings, names: Sequence[str], signal: str) -> None:
    """Kill jobs or containers at once, or send their commands another signal.

    What is killed so is not restarted.
    """
    for found in find_all(settings, names):
        if has_ended(found):
            raise Failure(f"cannot kill container {found.name}: it is not running")
        _kill(settings, found, signal)
        click.echo(found.word)


def _kill(settings: Settings, found: Found, signal: str) -> None:
    def request(client: ControlClient) -> None:
        client.signal(found.job, signal)

    try:
        if found.entry is None:
            ask(settings, request)
        else:
            require_served(settings, request)
    except ControlError as error:
        raise Failure(f"kill {found.name}: {error}") from error
