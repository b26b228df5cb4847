"""`pocker events`: what happened, from the state database, so that no late reader misses any."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import click
from attrs import asdict

from supervisor.cli.failure import USAGE, Failure
from supervisor.cli.format import Format, format_option
from supervisor.cli.moments import UNKNOWN, local, rfc3339
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import harmless
from supervisor.journal import EventRecord, Journal

_MICROSECONDS = len("2024-01-02T15:04:05.123456")
LOOK_EVERY = 0.1
"""Seconds between two looks at whether the database has changed."""


@click.command
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    "--since", metavar="TIME", help="Nothing older: an RFC 3339 time, or an age like 10m."
)
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, *, follow: bool, since: str | None, form: Format) -> None:
    """Show what happened: state changes, out-of-memory kills, retries, adoptions, shutdowns.

    With --format json each event is a line of its own.
    """
    with open_journal(settings) as journal:
        for event in _events(journal, _moment(since), follow=follow):
            click.echo(_json(event) if form == "json" else _line(event))


def _moment(since: str | None) -> float:
    if since is None:
        return 0.0
    from runtime.errors import SpecError
    from supervisor.logs.query import parse_moment

    try:
        moment = parse_moment("--since", since, time.time_ns())
    except SpecError as error:
        raise Failure(str(error), code=USAGE) from error
    return datetime.fromisoformat(f"{moment[:_MICROSECONDS]}+00:00").timestamp()


def _events(journal: Journal | None, since: float, *, follow: bool) -> Iterator[EventRecord]:
    if journal is None:
        return
    last = 0
    while True:
        seen = journal.changes()
        for event in journal.events(last, since):
            last = event.id
            yield event
        if not follow:
            return
        while journal.changes() == seen:
            time.sleep(LOOK_EVERY)


def _line(event: EventRecord) -> str:
    job = event.job or UNKNOWN
    return harmless(f"{local(event.time)}  {event.kind:<8} {job:<16} {event.detail}")


def _json(event: EventRecord) -> str:
    import json

    return json.dumps({**asdict(event), "time": rfc3339(event.time)})
