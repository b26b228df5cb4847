"""Which lines of `ps` are those of a container."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from supervisor.cli.failure import Failure
from supervisor.cli.top import chosen


@pytest.mark.parametrize(
    ("header", "lines", "expected"),
    [
        ("  PID CMD", ["    1 init", "   22 sh", "    2 sh -c 22"], ["   22 sh"]),
        ("USER PID", ["root 1", "root 22"], ["root 22"]),
        ("UID PID STAT", ["0 22 -", "0 - S", "0 1 -", "0 - S"], ["0 22 -", "0 - S"]),
        ("PID", [], []),
    ],
)
def test_the_lines_of_its_processes(
    header: str, lines: Sequence[str], expected: Sequence[str]
) -> None:
    """By the column of the pid, wherever that is; those of threads go with their process's."""
    assert [*chosen(header, lines, {22, 23})] == expected


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        ("COMMAND", "sh", "ps: there is no column PID in what it shows"),
        ("CMD PID", "two words 22", "ps: 'words' is no pid; ask for the column PID before others"),
        ("CMD PID", "", "ps: '' is no pid; ask for the column PID before others"),
    ],
)
def test_lines_that_tell_no_pid(header: str, line: str, message: str) -> None:
    """Nobody could say whose they are."""
    with pytest.raises(Failure) as told:
        [*chosen(header, [line], {22})]
    assert str(told.value) == message
