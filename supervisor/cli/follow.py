"""`pocker logs --follow`: output as it comes, from attempt to attempt until the runs have ended.

It outlives the supervisor: jobs go on without one, and the next one goes on with their logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import click
import trio
from attrs import evolve, frozen

from runtime.cgroups.notices import Notices
from supervisor.cli.groups import first_of
from supervisor.cli.logparts import Part, Reading, parts_of
from supervisor.cli.printer import Printer
from supervisor.cli.settings import Settings
from supervisor.journal import AttemptRecord, Journal, JournalError, RunRecord
from supervisor.lock import holder
from supervisor.logs import LogError, LogFollower, LogQuery

FALLBACK_SECONDS = 1.0
"""A commit is told by the write before it, so now and then it is looked for too early; and the
death of a supervisor is told by nothing."""


def follow(
    settings: Settings,
    journal: Journal,
    readings: Sequence[Reading],
    query: LogQuery,
    printer: Printer,
) -> None:
    """Print what there is and what comes, until all runs have ended.

    Raises LogError, JournalError, BrokenPipeError or KeyboardInterrupt.
    """
    ended_by: list[BaseException] = []
    try:
        with closing(Notices()) as notices:
            follower = Follower(settings, journal, notices, query, printer)
            trio.run(follower.run, readings)
    except* (LogError, JournalError, OSError, KeyboardInterrupt) as group:
        ended_by.append(first_of(group))
    if ended_by:
        raise ended_by[0]


@frozen
class Follower:
    """Follows logs by what the journal says of their runs."""

    settings: Settings
    journal: Journal
    notices: Notices
    query: LogQuery
    printer: Printer

    async def run(self, readings: Sequence[Reading]) -> None:
        """Print until the last of them has ended."""
        async with trio.open_nursery() as watching:
            watching.start_soon(self._watch_supervisor, [reading.run for reading in readings])
            async with trio.open_nursery() as nursery:
                for reading in readings:
                    nursery.start_soon(self._follow_run, reading)
            watching.cancel_scope.cancel()

    async def _watch_supervisor(self, runs: Sequence[RunRecord]) -> None:
        """Say why nothing comes, each time that a supervisor leaves unfinished runs behind."""
        while True:
            await self._until(lambda: self._is_orphaned() and any(map(self._goes_on, runs)))
            click.echo("pocker: the supervisor is gone; waiting for the next one", err=True)
            await self._until(lambda: not self._is_orphaned())

    async def _follow_run(self, reading: Reading) -> None:
        run = reading.run
        for part in reading.parts:
            await self._follow_part(run, part)
        seen = reading.parts[-1].attempt.number if reading.parts else 0
        while reading.open_ended:
            await self._until(partial(self._has_news, run, seen))
            new = self._attempts_after(run, seen)
            if not new:
                return
            (part,) = parts_of(self.settings.places, run, new[:1], evolve(self.query, tail=None))
            seen = part.attempt.number
            await self._follow_part(run, part)

    def _has_news(self, run: RunRecord, seen: int) -> bool:
        # Looked at in this order: an attempt may be the last thing that happens to a run.
        return not self._goes_on(run) or bool(self._attempts_after(run, seen))

    async def _follow_part(self, run: RunRecord, part: Part) -> None:
        await self._until(lambda: os.path.isdir(part.directory) or self._has_ended(part.attempt))
        if not os.path.isdir(part.directory) or part.elsewhere:
            return  # it could not be started, and so never said anything; or not here
        with LogFollower(part.directory, part.query, self.notices) as follower:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end, follower, part.attempt)
                async for record in follower:
                    self.printer.write(run.job, record)
                    self.printer.flush()

    async def _end(self, follower: LogFollower, attempt: AttemptRecord) -> None:
        await self._until(lambda: self._has_ended(attempt))
        follower.end()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until the journal says so."""
        with closing(self.notices.watch(self.settings.directories.state)) as notice:
            while not condition():
                with trio.move_on_after(FALLBACK_SECONDS):
                    await notice.wait()

    def _has_ended(self, attempt: AttemptRecord) -> bool:
        now = [a for a in self.journal.attempts(attempt.run) if a.id == attempt.id]
        return not now or now[0].ended is not None  # what has gone has ended

    def _attempts_after(self, run: RunRecord, number: int) -> list[AttemptRecord]:
        return [attempt for attempt in self.journal.attempts(run.id) if attempt.number > number]

    def _goes_on(self, run: RunRecord) -> bool:
        return any(other.id == run.id for other in self.journal.unfinished_runs())

    def _is_orphaned(self) -> bool:
        return holder(self.settings.directories.state) is None
