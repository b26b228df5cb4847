"""`pocker check`: whether a file is right."""

from __future__ import annotations

import click

from supervisor.cli import candidates
from supervisor.cli.jobs import read_jobs
from supervisor.cli.settings import Settings
from supervisor.images import lacking_images


@click.command
@click.argument("file", shell_complete=candidates.files)
@click.pass_obj
def command(settings: Settings, file: str) -> None:
    """Check FILE and all that it names on this machine; start nothing.

    Everything that is wrong is shown at once, and the exit code is 2 then. An image that the store
    lacks is told of, and no mistake: `up --pull missing` would bring it.
    """
    jobsfile = read_jobs(file)
    for problem in lacking_images(jobsfile, settings.directories, shown=file):
        click.echo(str(problem), err=True)
    count = len(jobsfile.jobs)
    click.echo(f"{file}: ok, {count} {'job' if count == 1 else 'jobs'}")
