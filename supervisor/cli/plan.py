"""`pocker plan`: what a start would do, step by step."""

from __future__ import annotations

import sys

import click

from runtime.container import preview_plan
from runtime.errors import ContainerError
from runtime.plan import describe
from supervisor.cli import candidates
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.format import Format, format_option, print_json
from supervisor.cli.jobs import read_jobs
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table
from supervisor.cli.terminal import wants_colour
from supervisor.containerspec import container_spec
from supervisor.images import image_of

HEADERS = ("STEP", "FROM", "WHAT")


@click.command
@click.argument("file", shell_complete=candidates.files)
@click.argument("job", shell_complete=candidates.jobs_of_file)
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, file: str, job: str, form: Format) -> None:
    """Show what happens between the new namespaces and the command of JOB; start nothing.

    Needs no rights. The numbers are those that errors name; FROM is the key that asked for it.
    """
    jobsfile = read_jobs(file, [job])
    try:
        wanted = jobsfile.jobs[job]
        image = image_of(wanted, settings.directories)
        spec = container_spec(wanted, f"{jobsfile.name}-{job}-plan", image)
        steps = preview_plan(spec, settings.directories)
    except ContainerError as error:
        raise Failure(str(error), code=START_FAILED) from error
    if form == "json":
        print_json(
            [
                {
                    "step": number,
                    "name": step.name,
                    "text": describe(step),
                    "origin": step.origin or None,
                }
                for number, step in enumerate(steps)
            ]
        )
        return
    rows = [(str(number), step.origin, describe(step)) for number, step in enumerate(steps)]
    click.echo(format_table(HEADERS, rows, colour=wants_colour(sys.stdout)))
