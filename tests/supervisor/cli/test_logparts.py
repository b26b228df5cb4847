"""The last lines of a run that had several attempts."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.directories import Directories
from supervisor.cli.logparts import parts_of
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.logs import LogQuery, read_log
from supervisor.places import Places
from supervisor.states import RunState

RUN = RunRecord(
    id=7, session=1, job="a", state=RunState.RUNNING, reason=None, detail="", exit_code=None,
    created=0.0, started=0.0, ended=None, retry_at=None, pauses=0,
)  # fmt: skip


def attempt(number: int) -> AttemptRecord:
    """An attempt of the run."""
    return AttemptRecord(
        id=number, run=7, number=number, container="c", boot="b", pid=None, health=None,
        stop_cause=None, stop_begun=None, reason=None, detail="", exit_code=None, signal=None,
        started=0.0,
        ended=None, elapsed=None, memory_peak=None, cpu_seconds=None, io_read=None, io_write=None,
        oom_kills=None,
    )  # fmt: skip


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Three attempts: two lines, none at all, and a line whose end is missing."""
    places = Places(directories=Directories(str(tmp_path), str(tmp_path)))
    for number, lines in ((1, ["F one", "F two"]), (3, ["P th", "P ree"])):
        directory = Path(places.logs("a", 7, number))
        directory.mkdir(parents=True)
        text = "".join(f"2024-01-02T15:04:05.00000000{number}Z stdout {line}\n" for line in lines)
        (directory / "log").write_text(text)
    return places


@pytest.mark.parametrize(
    ("tail", "lines"),
    [(None, b"onetwothree"), (3, b"onetwothree"), (2, b"twothree"), (1, b"three"), (0, b"")],
)
def test_the_last_lines_are_counted_over_all_attempts(
    places: Places, tail: int | None, lines: bytes
) -> None:
    """What one attempt does not have is looked for in the one before it."""
    parts = parts_of(places, RUN, [attempt(1), attempt(2), attempt(3)], LogQuery(tail=tail))
    records = [record for part in parts for record in read_log(part.directory, part.query)]
    assert b"".join(record.message for record in records) == lines
