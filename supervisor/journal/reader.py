"""Looking into the state database; any number may, while one process writes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Self

from supervisor.journal.records import (
    AttemptRecord,
    EventKind,
    EventRecord,
    JournalError,
    RunRecord,
    SessionRecord,
    attempt_of,
    event_of,
    run_of,
)
from supervisor.journal.schema import VERSION

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that holds the database."""


def other_version(path: Path, version: int) -> JournalError:
    """Nobody but another version of this program made that."""
    return JournalError(f"{path}: made by another version (schema {version})")


class JournalReader:
    """The open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Open for reading only, or None where nothing was ever run. Raises JournalError.

        A database whose making another process has only begun is one without runs, too.
        """
        if not path.exists():
            return None
        connection = None
        try:
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
            )
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise JournalError(f"open state database {path}: {error}") from error
        if version == VERSION:
            return cls(connection)
        connection.close()
        if version == 0:
            return None
        raise other_version(path, version)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"read the state database: {error}") from error

    def last_session(self) -> SessionRecord | None:
        """The newest `up`."""
        for row in self._rows("SELECT * FROM session ORDER BY id DESC LIMIT 1"):
            return SessionRecord(**dict(row))
        return None

    def session(self, number: int) -> SessionRecord:
        """One `up` by its id, which is that of a record."""
        (row,) = self._rows("SELECT * FROM session WHERE id = ?", number)
        return SessionRecord(**dict(row))

    def runs(self, *, session: int | None = None, job: str | None = None) -> list[RunRecord]:
        """Runs, oldest first."""
        return [
            run_of(row)
            for row in self._rows(
                "SELECT * FROM run WHERE (?1 IS NULL OR session = ?1) AND (?2 IS NULL OR job = ?2)"
                " ORDER BY id",
                session, job,
            )
        ]  # fmt: skip

    def unfinished_runs(self) -> list[RunRecord]:
        """Runs that no outcome was recorded for."""
        return [run_of(row) for row in self._rows("SELECT * FROM run WHERE ended IS NULL")]

    def last_run(self, job: str) -> RunRecord | None:
        """The newest run of a job."""
        for row in self._rows("SELECT * FROM run WHERE job = ? ORDER BY id DESC LIMIT 1", job):
            return run_of(row)
        return None

    def run(self, number: int) -> RunRecord:
        """One run. Raises JournalError."""
        for row in self._rows("SELECT * FROM run WHERE id = ?", number):
            return run_of(row)
        raise JournalError(f"run {number} is not in the state database any more")

    def told_exit_code(self, run: int) -> int | None:
        """The exit code of a run that has gone with its job, from its last event.

        Raises JournalError where that has gone as well.
        """
        for row in self._rows(
            "SELECT data FROM event WHERE run IS NULL AND kind = ?"
            " AND json_extract(data, '$.run') = ? ORDER BY id DESC LIMIT 1",
            EventKind.STATE, run,
        ):  # fmt: skip
            code = json.loads(row["data"]).get("exit_code")
            return None if code is None else int(code)
        raise JournalError(f"run {run} is not in the state database any more")

    def attempts(self, run: int) -> list[AttemptRecord]:
        """The attempts of a run, first to last."""
        return [
            attempt_of(row)
            for row in self._rows("SELECT * FROM attempt WHERE run = ? ORDER BY number", run)
        ]

    def job_names(self) -> list[str]:
        """Every job that was ever run."""
        return [row[0] for row in self._rows("SELECT DISTINCT job FROM run ORDER BY job")]

    def events(self, after: int = 0, since: float = 0.0) -> list[EventRecord]:
        """Events with an id above `after` and not before `since`, oldest first.

        Those of runs that have gone with their jobs are still there for a while.
        """
        return [
            event_of(row)
            for row in self._rows(
                "SELECT event.id, event.time, event.kind,"
                " coalesce(run.job, json_extract(event.data, '$.job')) AS job,"
                " coalesce(event.run, json_extract(event.data, '$.run')) AS run, event.attempt,"
                " (SELECT container FROM attempt WHERE attempt.run = event.run AND"
                " CASE WHEN event.attempt IS NULL THEN attempt.started <= event.time"
                " ELSE attempt.number = event.attempt END ORDER BY number DESC LIMIT 1)"
                " AS container,"
                " event.detail, event.data FROM event LEFT JOIN run ON run.id = event.run"
                " WHERE event.id > ? AND event.time >= ? ORDER BY event.id",
                after, since,
            )
        ]  # fmt: skip

    def oom_kills_told(self, run: int, attempt: int) -> int:
        """How many OOM kills of an attempt there are events for."""
        kinds = self._rows(
            "SELECT data FROM event WHERE run = ? AND attempt = ? AND kind = ?",
            run, attempt, EventKind.OOM,
        )  # fmt: skip
        return max((int(json.loads(row["data"])["kills"]) for row in kinds), default=0)

    def changes(self) -> int:
        """A number that changes whenever another process has written."""
        for row in self._rows("PRAGMA data_version"):
            return int(row[0])
        return 0
