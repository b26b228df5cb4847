"""`pocker wait`: until a job has ended; its exit code is the command's."""

from __future__ import annotations

import time

import click

from supervisor.cli import candidates
from supervisor.cli.finding import find, require_run
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.journal import Journal, RunRecord
from supervisor.lock import holder

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the database has changed."""
NO_CODE = 1
"""For a run that was skipped or cancelled, or of which nobody knows how it ended."""


@click.command
@click.argument("name", metavar="JOB|CONTAINER", shell_complete=candidates.known)
@click.pass_obj
def command(settings: Settings, name: str) -> int:
    """Wait until the newest run of a job or container has ended.

    Its exit code is printed, and is that of this command.
    """
    found = find(settings, name)
    require_run(found)
    with open_journal(found.settings) as journal:
        run = last_run(journal, found.job)
        assert journal is not None
        if not run.state.terminal and holder(found.settings.directories.state) is None:
            click.echo(f"pocker: no supervisor is running; {name} ends when one is", err=True)
        run = _ended(journal, run)
    code = NO_CODE if run.exit_code is None else run.exit_code
    click.echo(str(code))
    return code


def _ended(journal: Journal, run: RunRecord) -> RunRecord:
    while not run.state.terminal:
        seen = journal.changes()
        run = journal.run(run.id)
        while not run.state.terminal and journal.changes() == seen:
            time.sleep(LOOK_EVERY)
    return run
