"""`pocker ps`: the jobs of the last session, and the containers of `run -d`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from runtime.units import format_size
from supervisor.cli import listing
from supervisor.cli.documents import elapsed, newest, run_document
from supervisor.cli.filters import read_filters
from supervisor.cli.finding import entries_of, unreadable_of
from supervisor.cli.format import echo_rendered, print_json
from supervisor.cli.listing import Listed
from supervisor.cli.moments import UNKNOWN, local, span
from supervisor.cli.records import open_journal, paused_jobs
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table, state_cell
from supervisor.cli.terminal import wants_colour
from supervisor.detached.roster import PROJECT
from supervisor.journal import AttemptRecord, RunRecord, SessionRecord
from supervisor.lock import holder

HEADERS = (
    "JOB", "STATE", "REASON", "EXIT", "ATTEMPT", "STARTED", "ELAPSED", "PID", "CONTAINER", "MEMORY",
)  # fmt: skip
_FILTERS = f"{', '.join(listing.FILTERS)}; of containers only."
_FORMATS = "table, json, or a template such as '{{.ID}} {{.Names}}'."
_JOBS = "`up {}` takes its jobs up again, `down` ends them"
_TAKES_UP = {PROJECT: "`serve` takes its containers up again"}


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("-q", "--quiet", is_flag=True, help="Only the ids of containers.")
@click.option("-n", "--last", type=click.IntRange(min=0), help="Only so many, ended ones as well.")
@click.option("-l", "--latest", is_flag=True, help="Only the newest, ended or not.")
@click.option("--no-trunc", is_flag=True, help="Show commands in full.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help=_FILTERS)
@click.option("--format", "form", metavar="FORMAT", default="table", help=_FORMATS)
@click.pass_obj
def command(
    settings: Settings,
    *,
    everything: bool,
    quiet: bool,
    last: int | None,
    latest: bool,
    no_trunc: bool,
    filters: Sequence[str],
    form: str,
) -> None:
    """List the jobs of the last session that have not ended yet, and the containers of `run -d`.

    The newest container is the first. --last and --latest are about containers only.
    """
    # Before anything is looked at: what is there makes no wrong option a right one.
    if form not in ("table", "json") and "{{" not in form:
        raise click.UsageError(f"--format: {form} is neither table nor json nor a template")
    wanted = read_filters(filters, listing.FILTERS)
    now = time.time()
    number = 1 if latest else last
    jobs = [] if filters or number is not None else jobs_of(settings, everything=everything)
    everything = everything or number is not None
    # A state to be looked for may be one of the end.
    containers = _filtered(containers_of(settings, now), everything, wanted)[::-1][:number]
    if quiet:
        ids = [attempt.container for _, attempt, _ in jobs if attempt is not None]
        for identifier in (*ids, *(each.entry.id for each in containers)):
            click.echo(identifier)
    elif form == "json":
        print_json(
            [*(_document(*each, now) for each in jobs), *(each.document() for each in containers)]
        )
    elif form == "table":
        rows = [_row(*each, now) for each in jobs]
        _show_tables(settings, rows, [c.row(full=no_trunc) for c in containers])
    else:
        fields = [_fields(run, attempt, now) for run, attempt, _ in jobs] + [
            each.fields for each in containers
        ]
        echo_rendered(form, fields, listing.HEADINGS)


def jobs_of(
    settings: Settings, *, everything: bool
) -> list[tuple[RunRecord, AttemptRecord | None, int | None]]:
    """The runs of the last session, with the newest attempt and the memory of each.

    Only those that have not ended, unless `everything` is asked for. Raises Failure.
    """
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        runs = [] if journal is None or session is None else journal.runs(session=session.id)
        unfinished = [run for run in runs if not run.state.terminal]
        memory: Mapping[str, int | None] = {}
        if session is not None and unfinished:
            memory = _memory(settings, session)
        return [
            (run, newest(journal.attempts(run.id)), memory.get(run.job))
            for run in (runs if everything else unfinished)
            if journal is not None
        ]


def containers_of(settings: Settings, now: float) -> list[Listed]:
    """The containers of `run -d`, oldest first. Raises Failure."""
    for each in unreadable_of(settings):
        click.echo(f"pocker: {each.why}", err=True)
    entries = entries_of(settings)
    own = settings.detached
    if not entries:
        return []
    with open_journal(own) as journal:
        session = None if journal is None else journal.last_session()
        unfinished = [] if journal is None else journal.unfinished_runs()
        memory: Mapping[str, int | None] = {}
        if session is not None and unfinished:
            memory = _memory(own, session)
        paused = paused_jobs(own) if memory else ()
        listed = []
        for entry in entries.values():
            run = None if journal is None else journal.last_run(entry.id)
            attempts = [] if journal is None or run is None else journal.attempts(run.id)
            listed.append(
                Listed(
                    entry=entry,
                    run=run,
                    attempt=newest(attempts),
                    memory=memory.get(entry.id),
                    paused=entry.id in paused,
                    now=now,
                )
            )
        return listed


def _filtered(
    containers: Sequence[Listed], everything: bool, wanted: Mapping[str, Sequence[str]]
) -> list[Listed]:
    """Those to be shown; filters with one key add up, those with several must all be met."""
    everything = everything or not wanted.keys().isdisjoint(("status", "exited"))
    return [
        each
        for each in containers
        if (everything or each.state not in ("exited", "created"))
        and all(any(each.matches(key, v) for v in values) for key, values in wanted.items())
    ]


def _show_tables(settings: Settings, jobs: Sequence[Row], containers: Sequence[Row]) -> None:
    """Each kind that there is; where nothing is, the headers tell of which there was any."""
    colour = wants_colour(sys.stdout)
    tables = []
    told = bool(jobs) or (not containers and _has_session(settings))
    if told:
        tables.append(format_table(HEADERS, jobs, colour=colour))
    if containers or not told:
        tables.append(format_table(listing.HEADERS, containers, colour=colour))
    click.echo("\n\n".join(tables))


def _has_session(settings: Settings) -> bool:
    """Whether there ever was an `up`."""
    with open_journal(settings) as journal:
        return journal is not None and journal.last_session() is not None


def _memory(settings: Settings, session: SessionRecord) -> Mapping[str, int | None]:
    """What each job uses now, as only its supervisor can tell."""
    if holder(settings.directories.state) is None:
        click.echo(
            f"pocker: the supervisor (pid {session.pid}) is gone, and this is the last that it"
            f" wrote down: {_TAKES_UP.get(session.project, _JOBS).format(session.file)}",
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


def _fields(run: RunRecord, attempt: AttemptRecord | None, now: float) -> Mapping[str, Any]:
    """What a template may name of a job."""
    return {
        "ID": "" if attempt is None else attempt.container,
        "Image": "",
        "Command": "",
        "CreatedAt": local(run.created),
        "RunningFor": span(now - run.created),
        "State": run.state,
        "Status": run.state,
        "Ports": listing.NO_PORTS,
        "Names": run.job,
        "Labels": "",
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
