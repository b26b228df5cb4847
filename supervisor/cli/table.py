"""Plain tables: columns aligned with blanks, so that they can be read, cut and searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import click
from attrs import frozen

from supervisor.cli.terminal import harmless
from supervisor.health import Health
from supervisor.states import RunState

COLOURS = {
    RunState.PENDING: "bright_black",
    RunState.QUEUED: "bright_black",
    RunState.STARTING: "cyan",
    RunState.RUNNING: "cyan",
    RunState.BACKOFF: "yellow",
    RunState.STOPPING: "yellow",
    RunState.SUCCEEDED: "green",
    RunState.FAILED: "red",
    RunState.SKIPPED: "yellow",
    RunState.CANCELLED: "yellow",
}
"""Names that both click and rich know."""

GAP = "  "


@frozen
class Cell:
    """A text in a colour of its own."""

    text: str
    colour: str


Row: TypeAlias = Sequence[str | Cell]


def state_cell(state: RunState, health: Health | None = None) -> Cell:
    """A state in the colour that it has everywhere; with what is known of the job's health."""
    if state is RunState.RUNNING and health is not None:
        colour = "red" if health is Health.UNHEALTHY else COLOURS[state]
        return Cell(f"{state.value} ({health.value})", colour)
    return Cell(state.value, COLOURS[state])


def format_table(headers: Sequence[str], rows: Sequence[Row], *, colour: bool) -> str:
    """The table, a line for each row, the headers first."""
    texts = [list(headers), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    shades = [[""] * len(headers), *([_colour(cell) for cell in row] for row in rows)]
    lines = []
    for line, shade in zip(texts, shades, strict=True):
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        if colour:
            padded = [
                click.style(text, fg=name) if name else text
                for text, name in zip(padded, shade, strict=True)
            ]
        lines.append(GAP.join(padded).rstrip())
    return "\n".join(lines)


def _text(cell: str | Cell) -> str:
    return harmless(cell.text if isinstance(cell, Cell) else cell)


def _colour(cell: str | Cell) -> str:
    return cell.colour if isinstance(cell, Cell) else ""
