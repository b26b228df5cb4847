"""`pocker events`: what happens, as it happens, and what has happened before.

It is read from the state databases and from what is noted of containers, so no reader is too late.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Protocol

import click
from attrs import define, field

from runtime.nearest import did_you_mean
from supervisor.cli import happenings
from supervisor.cli.filters import read_filters
from supervisor.cli.finding import entries_of
from supervisor.cli.format import echo_rendered
from supervisor.cli.happenings import Happening, kills, of_container, of_job, of_note, written
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import harmless
from supervisor.detached.notes import Note, attributes_of
from supervisor.detached.roster import Entry, Roster
from supervisor.journal import EventRecord, JournalReader

_MICROSECONDS = len("2024-01-02T15:04:05.123456")
_EPOCH = re.compile(r"[0-9]+(\.[0-9]+)?")
_JSON = ("json", "{{json .}}")
LOOK_EVERY = 0.1
"""Seconds between two looks at whether anything was written."""


@click.command
@click.option(
    "--since",
    metavar="TIME",
    help="Also what happened since: an RFC 3339 time, seconds since 1970, or an age like 10m.",
)
@click.option("--until", metavar="TIME", help="Only before then; it ends when that is over.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"Only those: {', '.join(happenings.FILTERS)}.",
)
@click.option(
    "--format", "form", metavar="FORMAT", help="json, or a template such as '{{.Action}} {{.ID}}'."
)
@click.pass_obj
def command(
    settings: Settings,
    *,
    since: str | None,
    until: str | None,
    filters: Sequence[str],
    form: str | None,
) -> None:
    """Show what happens from now on to jobs and containers, until Ctrl-C.

    With --since it begins with what has happened, and with --until 0s it ends with that.
    """
    wanted = _read_filters(filters)
    if form is not None and form != "json" and "{{" not in form:
        raise click.UsageError(f"--format: {form} is neither json nor a template")
    now = time.time()
    begin = _moment("--since", since, now)
    end = _moment("--until", until, float("inf"))
    with ExitStack() as stack:
        for happening in _happenings(_sources(settings, stack, begin), end):
            if begin <= happening.time < end and happening.passes(wanted):
                _show(happening, form)


def _show(happening: Happening, form: str | None) -> None:
    if form is None:
        click.echo(harmless(happening.line()))
    elif form in _JSON:
        click.echo(written(happening))
    else:
        echo_rendered(form, [happening.fields()])


class _Source(Protocol):
    """A place where somebody writes down what happens."""

    def has_more(self) -> bool:
        """Whether somebody has written since the last look."""

    def more(self) -> list[Happening]:
        """What has happened since the last look. Raises Failure or OSError."""


@define(kw_only=True)
class _Noted:
    """What becomes of the containers of `run -d`."""

    settings: Settings
    _notes: dict[str, list[Note]] = field(factory=dict, init=False)
    _entries: Mapping[str, Entry] = field(factory=dict, init=False)
    _last: int = field(default=0, init=False)
    _seen: tuple[int, int] | None = field(default=None, init=False)

    def has_more(self) -> bool:
        return self._state() != self._seen

    def more(self) -> list[Happening]:
        self._seen = self._state()
        notes = Roster.of(self.settings.detached.directories).notes.all()
        new = [note for note in notes if note.number > self._last]
        for note in new:
            self._last = note.number
            self._notes.setdefault(note.id, []).append(note)
        self._entries = entries_of(self.settings)
        return [of_note(note) for note in new]

    def attributes(self, identifier: str, moment: float) -> Mapping[str, str]:
        """What was known of a container then, such as its name."""
        for note in self._notes.get(identifier, ())[::-1]:
            if note.time <= moment:
                return note.lasting
        # Its making is noted no more.
        entry = self._entries.get(identifier)
        return {} if entry is None else attributes_of(entry)

    def _state(self) -> tuple[int, int] | None:
        try:
            status = os.stat(Roster.of(self.settings.detached.directories).notes.path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size


@define(kw_only=True)
class _Recorded:
    """The events of one supervisor as they come; its database may not be there yet.

    `noted` tells of the containers of `run -d`, where it is their supervisor.
    """

    own: Settings
    stack: ExitStack
    since: float
    noted: _Noted | None = None
    _journal: JournalReader | None = field(default=None, init=False)
    _killed: set[int | None] = field(factory=set, init=False)
    _last: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)

    def has_more(self) -> bool:
        if self._journal is None:
            return self.own.places.database.exists()
        return self._journal.changes() != self._seen

    def more(self) -> list[Happening]:
        if self._journal is None and self.own.places.database.exists():
            self._journal = self.stack.enter_context(open_journal(self.own))
        if self._journal is None:
            return []
        self._seen = self._journal.changes()
        events = self._journal.events(self._last, self.since)
        if events:
            self._last = events[-1].id
        told = (self._told(event) for event in events)
        return [happening for happening in told if happening is not None]

    def _told(self, event: EventRecord) -> Happening | None:
        if self.noted is None:
            return of_job(event)
        if kills(event):
            self._killed.add(event.run)
        told = of_container(event, self.noted.attributes(event.job or "", event.time))
        return None if told and told.action == "stop" and event.run in self._killed else told


def _sources(settings: Settings, stack: ExitStack, since: float) -> Sequence[_Source]:
    noted = _Noted(settings=settings)
    return [
        # First: a container is noted before anything is recorded of it.
        noted,
        _Recorded(own=settings, stack=stack, since=since),
        _Recorded(own=settings.detached, stack=stack, since=since, noted=noted),
    ]


def _happenings(sources: Sequence[_Source], end: float) -> Iterator[Happening]:
    while True:
        over = time.time() > end
        found = [happening for source in sources for happening in source.more()]
        yield from sorted(found, key=lambda happening: happening.time)
        if over:
            return
        while time.time() <= end and not any(source.has_more() for source in sources):
            time.sleep(LOOK_EVERY)


def _read_filters(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The values by their keys. Raises UsageError, also for an event or type that there is not."""
    wanted = read_filters(texts, happenings.FILTERS)
    for key, known in {
        "event": (*happenings.ACTIONS, *happenings.OTHER_ACTIONS),
        "type": (*happenings.TYPES, *happenings.OTHER_TYPES),
    }.items():
        for value in wanted.get(key, ()):
            if value.partition(":")[0] not in known:
                near = did_you_mean(value, known)
                raise click.UsageError(f"--filter: {value!r} is no {key}{near}")
    return wanted


def _moment(option: str, text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    if _EPOCH.fullmatch(text):
        return float(text)
    from runtime.errors import SpecError
    from supervisor.logs.query import parse_moment

    try:
        moment = parse_moment(option, text, time.time_ns())
    except SpecError as error:
        raise click.UsageError(str(error)) from error
    return datetime.fromisoformat(f"{moment[:_MICROSECONDS]}+00:00").timestamp()
