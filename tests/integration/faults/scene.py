"""A supervisor that is killed, and what the journal says meanwhile."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen

from supervisor.journal import AttemptRecord, Journal, RunRecord
from tests.integration.cli.pocker import PATIENCE, Pocker


def database(pocker: Pocker) -> Path:
    """The state database."""
    return Path(pocker.directories.state, "state.db")


@frozen
class Row:
    """A job's newest run, and its newest attempt."""

    run: RunRecord
    attempt: AttemptRecord | None


def wait_until(pocker: Pocker, condition: Callable[[dict[str, Row]], bool]) -> dict[str, Row]:
    """Look at the journal until it fulfils a condition; returns its rows by job."""
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = _rows(database(pocker))
        if condition(rows):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.02)


def _rows(path: Path) -> dict[str, Row]:
    journal = Journal.read(path)
    if journal is None:
        return {}
    with closing(journal):
        newest = {run.job: run for run in journal.runs()}
        return {
            job: Row(run, next(reversed(journal.attempts(run.id)), None))
            for job, run in newest.items()
        }


def in_state(state: str, *jobs: str) -> Callable[[dict[str, Row]], bool]:
    """Whether these jobs are in a state."""
    return lambda rows: all(job in rows and rows[job].run.state == state for job in jobs)


def running(*jobs: str) -> Callable[[dict[str, Row]], bool]:
    """Whether these jobs run."""
    return in_state("running", *jobs)


def start(pocker: Pocker, text: str) -> subprocess.Popen[str]:
    """Bring a file up."""
    return pocker.start("up", pocker.file(text))


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the supervisor as nobody can be prepared for."""
    process.kill()
    process.communicate()


def events(pocker: Pocker) -> list[dict[str, Any]]:
    """All events of the state database."""
    return pocker.json("events", "--since", "0", "--until", "0s")


def inspect(pocker: Pocker, job: str) -> dict[str, Any]:
    """All that is known about a job."""
    (document,) = json.loads(pocker.ask("inspect", job))
    assert isinstance(document, dict)
    return document


def write(pocker: Pocker, statement: str, *values: object) -> None:
    """Change the state database behind the supervisor's back."""
    with sqlite3.connect(database(pocker)) as connection:
        connection.execute(statement, values)
    connection.close()
