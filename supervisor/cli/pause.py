"""`pocker pause`: stops all processes of jobs and containers where they are."""

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
    """Stop all processes of jobs or containers where they are, until `unpause`."""
    ask_about(settings, names, "pause", lambda client, job: client.pause(job))
