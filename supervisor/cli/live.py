"""The jobs of an `up` on a terminal: a table that changes in place and is gone in the end.

It is drawn when something has changed, a few times a second at most, and once a second for the
clocks. No more rows are drawn, and no more jobs looked at, than fit on the screen.
"""

from __future__ import annotations

import select
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import trio
from attrs import define
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runtime.units import format_size
from supervisor.cli.moments import UNKNOWN, span
from supervisor.cli.table import COLOURS
from supervisor.cli.terminal import wants_colour
from supervisor.job import JobRun
from supervisor.logs import neutralise
from supervisor.service import Service, Watcher
from supervisor.states import RunState

FRAME = 0.25
"""Seconds between two frames."""
FRAMES_PER_CLOCK = 4
COLUMNS = ("JOB", "STATE", "ATTEMPT", "TIME", "MEMORY", "LAST LINE")
WIDTHS = (None, 9, None, 6, 6, None)
"""So much at least, lest columns jump with every frame."""

_INTEREST = (
    {RunState.RUNNING, RunState.STARTING, RunState.STOPPING, RunState.BACKOFF},
    {RunState.FAILED},
    {RunState.QUEUED},
    {RunState.PENDING},
)
"""What is shown first where not everything fits."""


@define
class _Clock:
    """When a run began and ended, on trio's clock."""

    began: float
    ended: float | None = None

    def elapsed(self, now: float) -> float:
        return (now if self.ended is None else self.ended) - self.began


class LiveTable:
    """Shows the runs of a service on stdout."""

    def __init__(self) -> None:
        self._console = Console(
            file=sys.stdout,
            color_system="standard" if wants_colour(sys.stdout) else None,
            highlight=False,
        )
        self._clocks: dict[str, _Clock] = {}
        self._changed = True
        self._lines: dict[str, bytes] = {}
        self._memory: dict[str, int | None] = {}

    @property
    def watcher(self) -> Watcher:
        """What a supervisor tells of its transitions to."""
        return Watcher(changed=self._note)

    async def show(self, service: Service) -> None:
        """Run beside the service."""
        live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),
        )
        with live:
            number = 0
            while True:
                rows = choose(list(service.runs.values()), self._console.height - 3)
                clock_ticks = number % FRAMES_PER_CLOCK == 0
                if clock_ticks:
                    self._memory = {run.spec.name: run.memory for run in rows}
                if self._look_at_lines(rows) or self._changed or clock_ticks:
                    self._draw(live, service, rows)
                number += 1
                await trio.sleep(FRAME)

    def _note(self, run: JobRun) -> None:
        self._changed = True
        if run.state is RunState.STARTING:
            self._clocks.setdefault(run.spec.name, _Clock(began=trio.current_time()))
        if run.state.terminal and run.spec.name in self._clocks:
            self._clocks[run.spec.name].ended = trio.current_time()

    def _look_at_lines(self, rows: Sequence[JobRun]) -> bool:
        """Whether any of the jobs has said something new."""
        lines = {
            run.spec.name: run.attempt.writer.last_line
            for run in rows
            if run.attempt is not None and run.attempt.writer is not None
        }
        changed = lines != self._lines
        self._lines = lines
        return changed

    def _draw(self, live: Live, service: Service, rows: Sequence[JobRun]) -> None:
        poll = select.poll()
        poll.register(sys.stdout, select.POLLOUT)
        if not poll.poll(0):
            return  # a terminal that is held (Ctrl-S) must not hold up the jobs
        self._changed = False
        now = trio.current_time()
        table = Table(*COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column, width in zip(table.columns, WIDTHS, strict=True):
            # Where room is short, rich takes it from columns that may wrap. The last one may, but
            # its texts do not.
            column.no_wrap = column is not table.columns[-1]
            column.min_width = width
        for run in rows:
            table.add_row(*self._row(run, now))
        live.update(Group(table, _footer(service, len(rows))), refresh=True)

    def _row(self, run: JobRun, now: float) -> Sequence[Text]:
        name = run.spec.name
        # A run that a former supervisor has begun has no clock here.
        clock = self._clocks.get(name)
        memory = None if run.attempt is None else self._memory.get(name)
        return (
            Text(name),
            Text(run.state.value, style=COLOURS[run.state]),
            Text(str(run.attempts or UNKNOWN)),
            Text(UNKNOWN if clock is None else span(clock.elapsed(now))),
            Text(UNKNOWN if memory is None else format_size(memory)),
            Text(self._last_words(run), no_wrap=True, overflow="ellipsis"),
        )

    def _last_words(self, run: JobRun) -> str:
        if run.outcome is not None:
            return neutralise(f"{run.outcome.reason}: {run.outcome.detail}".encode())
        return neutralise(self._lines.get(run.spec.name, b""))


def choose(runs: Sequence[JobRun], room: int) -> list[JobRun]:
    """The runs to show, in their own order: where room is short, those that matter most now."""
    if len(runs) <= room:
        return list(runs)
    by_interest = sorted(range(len(runs)), key=lambda index: (_rank(runs[index]), index))
    return [runs[index] for index in sorted(by_interest[: max(room, 1)])]


def _rank(run: JobRun) -> int:
    for rank, states in enumerate(_INTEREST):
        if run.state in states:
            return rank
    return len(_INTEREST)


def _footer(service: Service, shown: int) -> Text:
    runs: Mapping[str, JobRun] = service.runs
    counts = Counter(run.state for run in runs.values())
    parts = [f"{counts[state]} {state}" for state in RunState if counts[state]]
    if shown < len(runs):
        parts.append(f"{shown} of {len(runs)} shown")
    if service.scheduler.shutting_down.is_set():
        parts.append("stopping, Ctrl-C again to kill")
    return Text(", ".join(parts), style="bright_black", no_wrap=True, overflow="ellipsis")
