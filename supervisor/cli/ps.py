"""`pocker ps`: the jobs of the last session."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from runtime.units import format_size
from supervisor.cli.documents import elapsed, newest, run_document
from supervisor.cli.format import Format, format_option, print_json
from supervisor.cli.moments import UNKNOWN, local, span
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table, state_cell
from supervisor.cli.terminal import wants_colour
from supervisor.journal import AttemptRecord, RunRecord, SessionRecord
from supervisor.lock import holder

HEADERS = (
    "JOB", "STATE", "REASON", "EXIT", "ATTEMPT", "STARTED", "ELAPSED", "PID", "CONTAINER", "MEMORY",
)  # fmt: skip


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also jobs that have ended.")
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, everything: bool, form: Format) -> None:
    """List the jobs of the last session that have not ended yet."""
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        runs = [] if journal is None or session is None else journal.runs(session=session.id)
        unfinished = [run for run in runs if not run.state.terminal]
        memory: Mapping[str, int | None] = {}
        if session is not None and unfinished:
            memory = _memory(settings, session)
        shown = [
            (run, newest(journal.attempts(run.id)), memory.get(run.job))
            for run in (runs if everything else unfinished)
            if journal is not None
        ]
    now = time.time()
    if form == "json":
        print_json([_document(*each, now) for each in shown])
    else:
        rows = [_row(*each, now) for each in shown]
        click.echo(format_table(HEADERS, rows, colour=wants_colour(sys.stdout)))


def _memory(settings: Settings, session: SessionRecord) -> Mapping[str, int | None]:
    """What each job uses now, as only its supervisor can tell."""
    if holder(settings.directories.state) is None:
        click.echo(
            f"pocker: the supervisor (pid {session.pid}) is gone, and this is the last that it"
            f" wrote down: `up {session.file}` takes its jobs up again, `down` ends them",
            err=True,
        )
        return {}
    # Only where there is somebody to ask is there any need for the means to do so.
    from supervisor.api import ControlClient, ControlError

    try:
        return ControlClient(settings.places.socket).memory()
    except ControlError:
        return {}  # just starting, or just ending: the journal has all the rest


def _document(
    run: RunRecord, attempt: AttemptRecord | None, memory: int | None, now: float
) -> Mapping[str, Any]:
    return {
        **run_document(run),
        "elapsed": elapsed(run, now),
        "attempt": None if attempt is None else attempt.number,
        "health": None if attempt is None or run.ended is not None else attempt.health,
        "pid": None if attempt is None or run.ended is not None else attempt.pid,
        "container": None if attempt is None else attempt.container,
        "memory": memory,
    }


def _row(run: RunRecord, attempt: AttemptRecord | None, memory: int | None, now: float) -> Row:
    alive = attempt is not None and attempt.ended is None
    return (
        run.job,
        state_cell(run.state, attempt.health if attempt is not None and alive else None),
        run.reason or UNKNOWN,
        UNKNOWN if run.exit_code is None else str(run.exit_code),
        UNKNOWN if attempt is None else str(attempt.number),
        local(run.started),
        span(elapsed(run, now)),
        str(attempt.pid) if attempt is not None and alive and attempt.pid else UNKNOWN,
        UNKNOWN if attempt is None else attempt.container,
        UNKNOWN if memory is None else format_size(memory),
    )
