"""`pocker history`: what was run, newest first."""

from __future__ import annotations

import sys
import time

import click

from supervisor.cli import candidates
from supervisor.cli.documents import elapsed, run_document
from supervisor.cli.format import Format, format_option, print_json
from supervisor.cli.moments import UNKNOWN, local, span
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table, state_cell
from supervisor.cli.terminal import wants_colour

HEADERS = ("RUN", "JOB", "STATE", "REASON", "EXIT", "ATTEMPTS", "STARTED", "ELAPSED", "DETAIL")
LIMIT = 50


@click.command
@click.argument("job", required=False, shell_complete=candidates.known)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    metavar="N",
    help="At most so many runs.",
)
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, job: str | None, limit: int, form: Format) -> None:
    """List the runs of JOB, or of all jobs, newest first.

    How an image came about is told by `pocker image history`.
    """
    with open_journal(settings) as journal:
        if job is not None:
            last_run(journal, job)
        runs = [] if journal is None else journal.runs(job=job)[-limit:][::-1]
        counted = [(run, len(journal.attempts(run.id))) for run in runs if journal is not None]
    now = time.time()
    if form == "json":
        print_json(
            [
                {**run_document(run), "elapsed": elapsed(run, now), "attempts": attempts}
                for run, attempts in counted
            ]
        )
        return
    rows = [
        (
            str(run.id),
            run.job,
            state_cell(run.state),
            run.reason or UNKNOWN,
            UNKNOWN if run.exit_code is None else str(run.exit_code),
            str(attempts),
            local(run.started),
            span(elapsed(run, now)),
            run.detail,
        )
        for run, attempts in counted
    ]
    click.echo(format_table(HEADERS, rows, colour=wants_colour(sys.stdout)))
