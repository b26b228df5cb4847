"""`pocker kill`: sends signals to jobs and containers."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.asking import ask_about
from supervisor.cli.settings import Settings


@click.command
@click.option("-s", "--signal", default="KILL", show_default=True, help="Its name or number.")
@click.argument(
    "names", nargs=-1, required=True, metavar="JOB|CONTAINER...", shell_complete=candidates.running
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], signal: str) -> None:
    """Kill jobs or containers at once, or send their commands another signal.

    What is killed so is not restarted.
    """
    ask_about(settings, names, "kill", lambda client, job: client.signal(job, signal))
