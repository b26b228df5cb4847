"""Tables for people: aligned, coloured where that is wanted, and harmless."""

from __future__ import annotations

import click
import pytest

from supervisor.cli.table import COLOURS, Cell, format_table, state_cell
from supervisor.states import RunState

ROWS = [("a", Cell("ok", "green"), "first"), ("longer", Cell("failed", "red"), "")]


def test_columns_are_aligned() -> None:
    """Every column begins at the same place in each line, and no line ends in blanks."""
    assert format_table(("JOB", "STATE", "DETAIL"), ROWS, colour=False).split("\n") == [
        "JOB     STATE   DETAIL",
        "a       ok      first",
        "longer  failed",
    ]


def test_colours_do_not_disturb_the_columns() -> None:
    """A coloured table is the plain one with colours in it, which end where the cell ends."""
    plain = format_table(("JOB", "STATE", "DETAIL"), ROWS, colour=False)
    coloured = format_table(("JOB", "STATE", "DETAIL"), ROWS, colour=True)
    stripped = [line.rstrip() for line in click.unstyle(coloured).split("\n")]
    assert stripped == plain.split("\n")
    assert "\x1b[32mok    \x1b[0m" in coloured


def test_a_table_without_rows_has_its_headers() -> None:
    """Nothing to show is shown as such."""
    assert format_table(("JOB", "STATE"), [], colour=False) == "JOB  STATE"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", r"a\x0ab"), ("\x1b[2J", r"\x1b[2J"), ("\u202eabc", r"\u202eabc"), ("é", "é")],
)
def test_cells_cannot_hurt(text: str, shown: str) -> None:
    """What a file or a job has said stays in its cell and does nothing to the terminal."""
    assert format_table(("X",), [(text,)], colour=False) == f"X\n{shown}"


@pytest.mark.parametrize("state", RunState)
def test_every_state_has_a_colour(state: RunState) -> None:
    """No state is left out, and each colour is one that click knows."""
    assert click.style("x", fg=COLOURS[state])
    assert state_cell(state).text == state.value
