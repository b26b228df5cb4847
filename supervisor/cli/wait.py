"""`pocker wait`: until jobs or containers have ended, and how each of them did."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import Found, find
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.turns import Turns
from supervisor.journal import JournalError, RunRecord
from supervisor.lock import holder

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the database has changed."""
NO_CODE = 1
"""For a run that was skipped or cancelled, or of which nobody knows how it ended."""


@click.command
@click.argument(
    "names",
    nargs=-1,
    required=True,
    metavar="JOB|CONTAINER...",
    shell_complete=candidates.known,
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str]) -> None:
    """Wait until the newest run of each job or container has ended, and print its exit code.

    The codes come in the order of the names.
    """
    turns = Turns()
    awaited = []
    # All of them first: one that is removed when it ends has gone when its turn comes.
    for name in names:
        with turns.turn():
            found = find(settings, name)
            awaited.append((found, None if found.attended else _run_of(settings, found)))
    for found, run in awaited:
        with turns.turn():
            code = _code_of_attended(found) if found.attended else 0
            code = code if run is None else _code(found, run)
            click.echo(str(NO_CODE if code is None else code))
    turns.finish()


def _code_of_attended(found: Found) -> int | None:
    # Only who waits for one that nobody supervises pays for the means to do so.
    from supervisor.api import ControlError
    from supervisor.cli.unsupervised import Unsupervised

    assert found.entry is not None
    try:
        return Unsupervised(found.settings.directories, found.entry).wait()
    except ControlError:
        return None  # it has just ended


def _run_of(settings: Settings, found: Found) -> RunRecord | None:
    run = _newest_run(found)
    if run is None and found.entry is not None and found.entry.container is not None:
        from supervisor.cli.standby import require_served  # it was left, and is to be taken up

        require_served(settings, lambda client: client.reload())
        run = _newest_run(found)
    return run


def _newest_run(found: Found) -> RunRecord | None:
    """None for a container that was never started, and so has ended. Raises Failure."""
    with open_journal(found.settings) as journal:
        if found.entry is None:
            return last_run(journal, found.job)
        return None if journal is None else journal.last_run(found.job)


def _code(found: Found, run: RunRecord) -> int | None:
    """The exit code of the run when it has ended. Raises Failure or JournalError."""
    with open_journal(found.settings) as journal:
        assert journal is not None
        told = False
        while not run.state.terminal:
            seen = journal.changes()
            try:
                run = journal.run(run.id)
            except JournalError:
                # With --rm it goes when it has ended, and faster than anybody could look.
                return journal.told_exit_code(run.id)
            if not run.state.terminal and not told:
                told = True
                _tell_if_nobody_supervises(found)
            while not run.state.terminal and journal.changes() == seen:
                time.sleep(LOOK_EVERY)
        return run.exit_code


def _tell_if_nobody_supervises(found: Found) -> None:
    if holder(found.settings.directories.state) is None:
        click.echo(f"pocker: no supervisor is running; {found.word} ends when one is", err=True)
