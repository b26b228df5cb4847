"""`pocker check`: whether a file is right."""

from __future__ import annotations

import click

from supervisor.cli.jobs import read_jobs


@click.command
@click.argument("file")
def command(file: str) -> None:
    """Check FILE and all that it names on this machine; start nothing.

    Everything that is wrong is shown at once, and the exit code is 2 then.
    """
    count = len(read_jobs(file).jobs)
    click.echo(f"{file}: ok, {count} {'job' if count == 1 else 'jobs'}")
