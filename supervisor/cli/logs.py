"""`pocker logs`: the output of jobs, from their newest runs."""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from runtime.errors import SpecError
from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.finding import find_all, require_run, require_supervised
from supervisor.cli.logparts import Reading, parts_of
from supervisor.cli.printer import Printer
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import wants_colour
from supervisor.journal import Journal
from supervisor.logs import LogError, LogQuery, LogRecord, Stream, parse_moment, read_log


class _Tail(click.IntRange):
    """A number of lines; ``all`` is as if it had not been given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if value == "all" else super().convert(value, param, ctx)


@click.command
@click.option("-f", "--follow", is_flag=True, help="Go on until the runs have ended.")
@click.option("-t", "--timestamps", is_flag=True, help="Put the time in front of each line.")
@click.option(
    "-n", "--tail", type=_Tail(min=0), metavar="N", help="Only the last N lines; all for all."
)
@click.option("--since", metavar="TIME", help="Only from then on: a time, or 10m for 10m ago.")
@click.option("--until", metavar="TIME", help="Only before then.")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Only this attempt.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only this stream.")
@click.argument(
    "jobs", nargs=-1, required=True, metavar="JOB|CONTAINER...", shell_complete=candidates.known
)
@click.pass_obj
def command(
    settings: Settings,
    *,
    jobs: Sequence[str],
    follow: bool,
    timestamps: bool,
    tail: int | None,
    since: str | None,
    until: str | None,
    attempt: int | None,
    stream: Stream | None,
) -> None:
    """Show the output of the newest runs of jobs or containers, of all their attempts.

    The output of several is put together by time, each line behind the name of whose it is. What
    goes to a file or a pipe from a single one are the exact bytes that it wrote.
    """
    if follow and until is not None:
        raise click.UsageError("--follow and --until exclude each other")
    query = _query(since, until, tail, stream)
    wanted = find_all(settings, jobs)
    for each in wanted:
        require_supervised(each)
    for found in wanted:
        require_run(found)
    if len({found.settings for found in wanted}) > 1:
        raise Failure("the output of jobs and of containers cannot be shown together")
    own, titles = wanted[0].settings, {found.job: found.name for found in wanted}
    printer = Printer(
        sys.stdout.buffer,
        titles,
        timestamps=timestamps,
        terminal=sys.stdout.isatty(),
        colour=wants_colour(sys.stdout),
    )
    with open_journal(own) as journal:
        readings = [_find(own, journal, job, attempt, query) for job in titles]
        try:
            if follow:
                here = [reading for reading in readings if not reading.elsewhere]
                _follow(own, journal, here, query, printer)
                readings = [_find(own, journal, job, attempt, query) for job in titles]
            else:
                for reading, record in heapq.merge(*map(_read, readings), key=_time):
                    printer.write(reading.run.job, record)
            printer.finish()
        except LogError as error:
            raise Failure(str(error)) from error
        _check_all_shown(readings)


def _check_all_shown(readings: Sequence[Reading]) -> None:
    """Raise Failure that says where output is which could not be shown."""
    elsewhere = [(r.run.job, part) for r in readings for part in r.parts if part.elsewhere]
    if elsewhere:
        jobs = ", ".join(dict.fromkeys(job for job, _ in elsewhere))
        matches = " ".join(f"CONTAINER_ID={part.attempt.container}" for _, part in elsewhere)
        raise Failure(f"the output of {jobs} is in the systemd journal: journalctl {matches}")


def _find(
    settings: Settings, journal: Journal | None, job: str, number: int | None, query: LogQuery
) -> Reading:
    run = last_run(journal, job)
    assert journal is not None, "a journal without runs has no last run"
    attempts = journal.attempts(run.id)
    chosen = [attempt for attempt in attempts if number in (None, attempt.number)]
    if number is not None and not chosen:
        raise Failure(f"the last run of job {job} has no attempt {number} but {len(attempts)}")
    return Reading(
        run=run,
        parts=parts_of(settings.places, run, chosen, query),
        open_ended=number is None,
    )


def _read(reading: Reading) -> Iterator[tuple[Reading, LogRecord]]:
    for part in reading.parts:
        for record in read_log(part.directory, part.query):
            yield reading, record


def _time(read: tuple[Reading, LogRecord]) -> str:
    return read[1].time


def _follow(
    settings: Settings,
    journal: Journal | None,
    readings: Sequence[Reading],
    query: LogQuery,
    printer: Printer,
) -> None:
    # Only a reader who waits needs the means to wait.
    from supervisor.cli.follow import follow

    assert journal is not None, "a journal without runs has no last run"
    follow(settings, journal, readings, query, printer)


def _query(
    since: str | None, until: str | None, tail: int | None, stream: Stream | None
) -> LogQuery:
    now = time.time_ns()
    try:
        return LogQuery(
            since=None if since is None else parse_moment("--since", since, now),
            until=None if until is None else parse_moment("--until", until, now),
            tail=tail,
            stream=stream,
        )
    except SpecError as error:
        raise click.UsageError(str(error)) from error
