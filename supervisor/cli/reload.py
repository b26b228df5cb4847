"""`pocker reload`: the running supervisor reads its jobs file again."""

from __future__ import annotations

import click

from supervisor.api import ControlClient, ControlError
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.records import require_supervisor
from supervisor.cli.settings import Settings

_WORDS = {
    "added": "new",
    "removed": "removed, is stopped",
    "changed": "changed",
}


@click.command
@click.pass_obj
def command(settings: Settings) -> None:
    """Let the supervisor read its jobs file again, and change only what has changed.

    New jobs begin, removed ones are stopped. A changed one that is always restarted is stopped and
    begins again; any other takes its new definition with its next attempt. If there is a mistake in
    the file nothing changes, and the exit code is 2.
    """
    require_supervisor(settings)
    revision: dict[str, list[str]] = {}

    def request(client: ControlClient) -> None:
        revision.update(client.reload())

    try:
        ask(settings, request)
    except ControlError as error:
        raise Failure(f"reload: {error}") from error
    for kind, text in _WORDS.items():
        for name in revision[kind]:
            click.echo(f"{name}: {text}")
    if not any(revision.values()):
        click.echo("no job has changed")
