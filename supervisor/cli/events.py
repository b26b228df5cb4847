"""`pocker events`: what happened, from the state databases, so that no late reader misses any."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime

import click
from attrs import asdict, define, field, frozen

from runtime.nearest import did_you_mean
from supervisor.cli.filters import read_filters
from supervisor.cli.finding import entries_of
from supervisor.cli.format import Format, format_option
from supervisor.cli.moments import UNKNOWN, local, rfc3339
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import harmless
from supervisor.journal import EventKind, EventRecord, Journal

FILTERS = ("container", "event")
_MICROSECONDS = len("2024-01-02T15:04:05.123456")
LOOK_EVERY = 0.1
"""Seconds between two looks at whether a database has changed."""


@click.command
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    "--since", metavar="TIME", help="Nothing older: an RFC 3339 time, or an age like 10m."
)
@click.option("--until", metavar="TIME", help="Nothing newer; with --follow it ends then.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"container: a name, also of a job, or an id; event: {', '.join(EventKind)}.",
)
@format_option("table", "json")
@click.pass_obj
def command(
    settings: Settings,
    *,
    follow: bool,
    since: str | None,
    until: str | None,
    filters: Sequence[str],
    form: Format,
) -> None:
    """Show what happened: state changes, out-of-memory kills, retries, adoptions, shutdowns.

    With --format json each event is a line of its own.
    """
    passes = _read_filters(filters)
    begin = _moment("--since", since, 0.0)
    end = _moment("--until", until, float("inf"))
    with ExitStack() as stack:
        sources = _sources(settings, stack, begin)
        for happening in _happenings(sources, end, follow=follow):
            if happening.event.time < end and passes(happening):
                click.echo(happening.json() if form == "json" else happening.line())


@frozen(kw_only=True)
class Happening:
    """An event; where it is one of a container of `run -d`, with that one's id and name."""

    event: EventRecord
    id: str | None
    name: str | None

    def line(self) -> str:
        """For people."""
        event = self.event
        about = self.name or UNKNOWN
        return harmless(f"{local(event.time)}  {event.kind:<8} {about:<16} {event.detail}")

    def json(self) -> str:
        """For programs."""
        import json

        document = {**asdict(self.event), "time": rfc3339(self.event.time)}
        return json.dumps({**document, "job": self.name, "container": self.id})


@define(kw_only=True)
class _Source:
    """The events of one supervisor as they come; its database may not be there yet.

    `names` tells those of the containers of `run -d` by their ids, where it is their supervisor.
    """

    own: Settings
    stack: ExitStack
    since: float
    names: Callable[[], Mapping[str, str]] | None = None
    _journal: Journal | None = field(default=None, init=False)
    _known: dict[str, str] = field(factory=dict, init=False)
    _last: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)

    def has_more(self) -> bool:
        """Whether somebody has written since the last look."""
        if self._journal is None:
            return self.own.places.database.exists()
        return self._journal.changes() != self._seen

    def more(self) -> list[Happening]:
        """What has happened since the last look. Raises Failure."""
        if self._journal is None and self.own.places.database.exists():
            self._journal = self.stack.enter_context(open_journal(self.own))
        if self._journal is None:
            return []
        self._seen = self._journal.changes()
        events = self._journal.events(self._last, self.since)
        if events:
            self._last = events[-1].id
        return self._told(events)

    def _told(self, events: Sequence[EventRecord]) -> list[Happening]:
        if self.names is None:
            return [Happening(event=event, id=None, name=event.job) for event in events]
        if events:
            self._known.update(self.names())
        return [
            Happening(event=event, id=event.job, name=self._known.get(event.job or "", event.job))
            for event in events
        ]


def _sources(settings: Settings, stack: ExitStack, since: float) -> list[_Source]:
    def names() -> Mapping[str, str]:
        return {entry.id: entry.name for entry in entries_of(settings).values()}

    return [
        _Source(own=settings, stack=stack, since=since),
        _Source(own=settings.detached, stack=stack, since=since, names=names),
    ]


def _happenings(sources: Sequence[_Source], end: float, *, follow: bool) -> Iterator[Happening]:
    while True:
        over = not follow or time.time() > end
        found = [happening for source in sources for happening in source.more()]
        yield from sorted(found, key=lambda happening: happening.event.time)
        if over:
            return
        while time.time() <= end and not any(source.has_more() for source in sources):
            time.sleep(LOOK_EVERY)


def _read_filters(texts: Sequence[str]) -> Callable[[Happening], bool]:
    """Whether they let a happening through: those of one key add up, both keys must be met."""
    wanted = read_filters(texts, FILTERS)
    kinds, containers = wanted.get("event", ()), wanted.get("container", ())
    for kind in kinds:
        if kind not in list(EventKind):
            raise click.UsageError(
                f"--filter: {kind!r} is no event{did_you_mean(kind, list(EventKind))}"
            )

    def passes(happening: Happening) -> bool:
        return (not kinds or happening.event.kind in kinds) and (
            not containers
            or happening.name in containers
            or any(word and (happening.id or "").startswith(word) for word in containers)
        )

    return passes


def _moment(option: str, text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    from runtime.errors import SpecError
    from supervisor.logs.query import parse_moment

    try:
        moment = parse_moment(option, text, time.time_ns())
    except SpecError as error:
        raise click.UsageError(str(error)) from error
    return datetime.fromisoformat(f"{moment[:_MICROSECONDS]}+00:00").timestamp()
