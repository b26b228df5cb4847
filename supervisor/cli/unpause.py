"""`pocker unpause`: lets paused jobs and containers go on."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.asking import ask_about
from supervisor.cli.settings import Settings


@click.command
@click.argument(
    "names", nargs=-1, required=True, metavar="JOB|CONTAINER...", shell_complete=candidates.running
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str]) -> None:
    """Let the processes of paused jobs or containers go on."""
    ask_about(settings, names, "unpause", lambda client, job: client.unpause(job))
