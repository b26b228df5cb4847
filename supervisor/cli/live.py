"""The jobs of an `up` on a terminal: a table that changes in place and is gone in the end.

It is drawn when something has changed, a few times a second at most. No more rows are drawn, and
no more jobs looked at, than fit on the screen.
"""

from __future__ import annotations

import select
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import trio
from attrs import define, frozen
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
"""Seconds between two looks."""
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


class HasState(Protocol):
    """What can be chosen for a row."""

    @property
    def state(self) -> RunState:
        """Where it stands."""


T = TypeVar("T", bound=HasState)


@frozen(kw_only=True)
class Row:
    """One job as it is shown; `words` are its last line, or how it ended."""

    job: str
    state: RunState
    attempts: int
    elapsed: float | None
    memory: int | None
    words: str

    def cells(self) -> Sequence[Text]:
        """The row's texts."""
        return (
            Text(self.job),
            Text(self.state.value, style=COLOURS[self.state]),
            Text(str(self.attempts or UNKNOWN)),
            Text(span(self.elapsed)),
            Text(UNKNOWN if self.memory is None else format_size(self.memory)),
            Text(self.words, no_wrap=True, overflow="ellipsis"),
        )


@frozen(kw_only=True)
class Picture:
    """What is shown at one moment: some rows, and a line about all jobs."""

    rows: Sequence[Row]
    footer: str


class Animation:
    """A table on stdout that changes in place, and is gone in the end."""

    def __init__(self) -> None:
        self._console = Console(
            file=sys.stdout,
            color_system="standard" if wants_colour(sys.stdout) else None,
            highlight=False,
        )

    async def run(self, look: Callable[[int], Awaitable[Picture | None]]) -> None:
        """Show what `look`, asked for so many rows at most, sees, until it sees nothing."""
        live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),
        )
        shown: Picture | None = None
        with live:
            while (picture := await look(self._console.height - 3)) is not None:
                if picture != shown and _is_free():
                    live.update(_drawing(picture), refresh=True)
                    shown = picture
                await trio.sleep(FRAME)


def _is_free() -> bool:
    """Whether the terminal takes output; one that is held (Ctrl-S) must not hold up the jobs."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    return bool(poll.poll(0))


def _drawing(picture: Picture) -> Group:
    table = Table(*COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, width in zip(table.columns, WIDTHS, strict=True):
        # Where room is short, rich takes it from columns that may wrap. The last one may, but
        # its texts do not.
        column.no_wrap = column is not table.columns[-1]
        column.min_width = width
    for row in picture.rows:
        table.add_row(*row.cells())
    footer = Text(picture.footer, style="bright_black", no_wrap=True, overflow="ellipsis")
    return Group(table, footer)


def elapsed_shown(began: float, ended: float | None, now: float) -> float:
    """Whole seconds while it runs: a picture that only differs by less is not drawn again."""
    return float(int(now - began)) if ended is None else ended - began


@define
class _Clock:
    """When a run began and ended, on trio's clock."""

    began: float
    ended: float | None = None

    def elapsed(self, now: float) -> float:
        """So long the run has taken."""
        return elapsed_shown(self.began, self.ended, now)


class LiveTable:
    """Shows the runs of a service of this process."""

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {}
        self._memory: dict[str, int | None] = {}
        self._memory_read = -1.0

    @property
    def watcher(self) -> Watcher:
        """What a supervisor tells of its transitions to."""
        return Watcher(changed=self._note)

    async def show(self, service: Service) -> None:
        """Run beside the service."""
        await Animation().run(partial(self._look, service))

    def _note(self, run: JobRun) -> None:
        if run.state is RunState.STARTING:
            self._clocks.setdefault(run.spec.name, _Clock(began=trio.current_time()))
        if run.state.terminal and run.spec.name in self._clocks:
            self._clocks[run.spec.name].ended = trio.current_time()

    async def _look(self, service: Service, room: int) -> Picture:
        runs = list(service.runs.values())
        chosen = choose(runs, room)
        now = trio.current_time()
        if now - self._memory_read >= 1:
            self._memory_read = now
            self._memory = {run.spec.name: run.memory for run in chosen}
        return Picture(
            rows=[self._row(run, now) for run in chosen],
            footer=footer(
                [run.state for run in runs],
                len(chosen),
                stopping=service.scheduler.shutting_down.is_set(),
            ),
        )

    def _row(self, run: JobRun, now: float) -> Row:
        # A run that a former supervisor has begun has no clock here.
        clock = self._clocks.get(run.spec.name)
        return Row(
            job=run.spec.name,
            state=run.state,
            attempts=run.attempts,
            elapsed=None if clock is None else clock.elapsed(now),
            memory=None if run.attempt is None else self._memory.get(run.spec.name),
            words=_last_words(run),
        )


def _last_words(run: JobRun) -> str:
    if run.outcome is not None:
        return neutralise(f"{run.outcome.reason}: {run.outcome.detail}".encode())
    if run.attempt is None or run.attempt.writer is None:
        return ""
    return neutralise(run.attempt.writer.last_line)


def choose(runs: Sequence[T], room: int) -> list[T]:
    """The runs to show, in their own order: where room is short, those that matter most now."""
    if len(runs) <= room:
        return list(runs)
    by_interest = sorted(range(len(runs)), key=lambda index: (_rank(runs[index]), index))
    return [runs[index] for index in sorted(by_interest[: max(room, 1)])]


def _rank(run: HasState) -> int:
    for rank, states in enumerate(_INTEREST):
        if run.state in states:
            return rank
    return len(_INTEREST)


def footer(states: Sequence[RunState], shown: int, *, stopping: bool) -> str:
    """How many jobs are in which state."""
    counts = Counter(states)
    parts = [f"{counts[state]} {state}" for state in RunState if counts[state]]
    if shown < len(states):
        parts.append(f"{shown} of {len(states)} shown")
    if stopping:
        parts.append("stopping, Ctrl-C again to kill")
    return ", ".join(parts)
