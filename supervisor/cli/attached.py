"""The same view of an `up` that another process carries out; leaving it changes nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click
import trio
from attrs import frozen

from supervisor.api import ControlClient, ControlError
from supervisor.cli.follow import follow
from supervisor.cli.foreground import Order
from supervisor.cli.logparts import Reading, parts_of
from supervisor.cli.outcome import Ending, recorded_ending
from supervisor.cli.printer import Printer
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import wants_colour
from supervisor.journal import Journal, RunRecord, SessionRecord
from supervisor.lock import holder
from supervisor.logs import LogQuery, neutralise, parse_moment, read_log

if TYPE_CHECKING:
    from supervisor.cli.live import Picture, Row

LOOK_EVERY = 0.1
"""Seconds between two looks at whether all has ended."""


def served_session(settings: Settings, order: Order) -> SessionRecord | None:
    """The `up` of the same file that another process carries out at this moment."""
    if holder(settings.directories.state) is None:
        return None
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
    if session is None or session.ended is not None or session.file != order.jobsfile.path:
        return None
    return session


def attach(
    settings: Settings, order: Order, session: SessionRecord, *, live: bool
) -> Mapping[str, Ending]:
    """Show the session until it has ended; returns how its runs ended, by job name."""
    click.echo(f"pocker: attached to the supervisor with pid {session.pid}", err=True)
    with open_journal(settings) as journal:
        assert journal is not None, "a session has a journal"
        if live:
            _show_table(_Sight(settings, journal, session))
        else:
            _show_lines(settings, journal, session)
        while (now := journal.session(session.id)).ended is None and now.pid == session.pid:
            if holder(settings.directories.state) is None:
                break
            time.sleep(LOOK_EVERY)
        specs = order.jobsfile.jobs
        return {
            run.job: recorded_ending(specs[run.job], run, journal.attempts(run.id))
            for run in journal.runs(session=session.id)
            if run.job in specs
        }


def _show_lines(settings: Settings, journal: Journal, session: SessionRecord) -> None:
    now = parse_moment("now", "0s", time.time_ns())
    query = LogQuery(since=now)
    runs = journal.runs(session=session.id)
    printer = Printer(
        sys.stdout.buffer,
        {run.job: run.job for run in runs},
        timestamps=False,
        terminal=sys.stdout.isatty(),
        colour=wants_colour(sys.stdout),
    )
    readings = [
        Reading(
            run=run,
            parts=parts_of(settings.places, run, journal.attempts(run.id), query),
            open_ended=True,
        )
        for run in runs
        if not run.state.terminal
    ]
    follow(settings, journal, readings, query, printer)
    printer.finish()


def _show_table(sight: _Sight) -> None:
    # Only a terminal pays for rich.
    from supervisor.cli.live import Animation

    trio.run(Animation().run, sight.look)


@frozen
class _Sight:
    """Another process's session, seen through its journal, its socket and its logs."""

    settings: Settings
    journal: Journal
    session: SessionRecord

    async def look(self, room: int) -> Picture | None:
        """What is to be shown now; nothing more once that process does not carry it out."""
        from supervisor.cli.live import Picture, choose, footer

        alive = holder(self.settings.directories.state) == self.session.pid
        if not alive or self.journal.session(self.session.id).ended is not None:
            return None
        runs = self.journal.runs(session=self.session.id)
        chosen = choose(runs, room)
        memory = await trio.to_thread.run_sync(self._memory)
        return Picture(
            rows=[self._row(run, memory.get(run.job)) for run in chosen],
            footer=footer([run.state for run in runs], len(chosen), stopping=False),
        )

    def _memory(self) -> Mapping[str, int | None]:
        try:
            return ControlClient(self.settings.places.socket).memory()
        except ControlError:
            return {}  # it is about to end

    def _row(self, run: RunRecord, memory: int | None) -> Row:
        from supervisor.cli.live import Row, elapsed_shown

        attempts = self.journal.attempts(run.id)
        elapsed = None
        if run.started is not None:
            elapsed = elapsed_shown(run.started, run.ended, time.time())
        return Row(
            job=run.job,
            state=run.state,
            attempts=len(attempts),
            elapsed=elapsed,
            memory=memory,
            words=self._words(run, len(attempts)),
        )

    def _words(self, run: RunRecord, attempt: int) -> str:
        if run.ended is not None:
            return neutralise(f"{run.reason}: {run.detail}".encode())
        if attempt == 0:
            return ""
        directory = self.settings.places.logs(run.job, run.id, attempt)
        return neutralise(b"".join(r.message for r in read_log(directory, LogQuery(tail=1))))
