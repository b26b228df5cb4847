"""The state database: what was run, when, and how it went. SQLite, one file, write-ahead log.

A transition is committed before it is acted on, so after a crash the journal is never behind
what was done. One process writes; any number may read at the same time. Times are seconds since
the epoch.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import fields, frozen

from supervisor.states import Reason, RunState, StopCause

SCHEMA_VERSION = 1
BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that holds the database."""

_SCHEMA = """
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    project TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL
);
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session(id),
    job TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    retry_at REAL,
    pauses INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX run_by_job ON run(job, id);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(id),
    number INTEGER NOT NULL,
    container TEXT NOT NULL UNIQUE,
    boot TEXT NOT NULL,
    pid INTEGER,
    stop_cause TEXT,
    stop_begun REAL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    signal INTEGER,
    started REAL NOT NULL,
    ended REAL,
    elapsed REAL,
    memory_peak INTEGER,
    cpu_seconds REAL,
    io_read INTEGER,
    io_write INTEGER,
    oom_kills INTEGER,
    UNIQUE (run, number)
);
"""


class JournalError(Exception):
    """The state database cannot be opened, read or written."""


@frozen(kw_only=True)
class SessionRecord:
    """One `up`: the file it ran and the process that ran it."""

    id: int
    file: str
    project: str
    pid: int
    started: float
    ended: float | None


@frozen(kw_only=True)
class RunRecord:
    """One execution of a job.

    `retry_at` is the end of the pause before the next attempt, in seconds since boot; `pauses`
    counts the pauses since they last began anew.
    """

    id: int
    session: int
    job: str
    state: RunState
    reason: Reason | None
    detail: str
    exit_code: int | None
    created: float
    started: float | None
    ended: float | None
    retry_at: float | None
    pauses: int


@frozen(kw_only=True)
class AttemptRecord:
    """One container of a run; sizes are bytes, durations seconds.

    `boot` is the kernel's id of the boot it was started in; `stop_begun` is in seconds since boot.
    """

    id: int
    run: int
    number: int
    container: str
    boot: str
    pid: int | None
    stop_cause: StopCause | None
    stop_begun: float | None
    reason: Reason | None
    detail: str
    exit_code: int | None
    signal: int | None
    started: float
    ended: float | None
    elapsed: float | None
    memory_peak: int | None
    cpu_seconds: float | None
    io_read: int | None
    io_write: int | None
    oom_kills: int | None


@frozen(kw_only=True)
class AttemptResult:
    """What is written when an attempt has ended."""

    reason: Reason
    detail: str = ""
    exit_code: int | None = None
    signal: int | None = None
    ended: float
    elapsed: float | None = None
    memory_peak: int | None = None
    cpu_seconds: float | None = None
    io_read: int | None = None
    io_write: int | None = None
    oom_kills: int | None = None


def result_of(record: AttemptRecord) -> AttemptResult:
    """What was written when an attempt ended."""
    assert record.reason is not None
    assert record.ended is not None
    names = (each.name for each in fields(AttemptResult))
    return AttemptResult(**{name: getattr(record, name) for name in names})


def is_void(record: AttemptRecord) -> bool:
    """Whether an attempt's command was never executed because its supervisor was killed."""
    return record.reason is Reason.LOST and record.pid is None


def _run(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    values["state"] = RunState(values["state"])
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    return RunRecord(**values)


def _attempt(row: sqlite3.Row) -> AttemptRecord:
    values = dict(row)
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    return AttemptRecord(**values)


class Journal:
    """The open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open for writing and make the tables where there are none. Raises JournalError."""
        try:
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
            path.chmod(0o600)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # With a write-ahead log this loses no commit to a killed process; only a power cut
            # may take the last ones, and the containers they speak of with them.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                )
            elif version != SCHEMA_VERSION:
                raise JournalError(f"{path}: made by another version (schema {version})")
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"open state database {path}: {error}") from error
        return cls(connection)

    @classmethod
    def read(cls, path: Path) -> Journal | None:
        """Open for reading only, or None where nothing was ever run. Raises JournalError."""
        if not path.exists():
            return None
        try:
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"open state database {path}: {error}") from error
        return cls(connection)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _write(self, statement: str, *values: object) -> int:
        try:
            return self._connection.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise JournalError(f"write the state database: {error}") from error

    def _rows(self, statement: str, *values: object) -> Iterator[sqlite3.Row]:
        try:
            yield from self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise JournalError(f"read the state database: {error}") from error

    # Writing

    def begin_session(self, file: str, project: str, pid: int) -> int:
        """Record a new `up`; returns its id."""
        return self._write(
            "INSERT INTO session (file, project, pid, started) VALUES (?, ?, ?, ?)",
            file, project, pid, time.time(),
        )  # fmt: skip

    def take_over_session(self, session: int, pid: int) -> None:
        """Record the process that goes on with a killed supervisor's `up`."""
        self._write("UPDATE session SET pid = ? WHERE id = ?", pid, session)

    def end_session(self, session: int) -> None:
        """Record that an `up` has ended."""
        self._write("UPDATE session SET ended = ? WHERE id = ?", time.time(), session)

    def create_run(self, session: int, job: str, state: RunState) -> int:
        """Record a new run; returns its id."""
        return self._write(
            "INSERT INTO run (session, job, state, created) VALUES (?, ?, ?, ?)",
            session, job, state, time.time(),
        )  # fmt: skip

    def set_run_state(self, run: int, state: RunState) -> None:
        """Record a transition that is not the last one."""
        self._write("UPDATE run SET state = ? WHERE id = ?", state, run)

    def pause_run(self, run: int, retry_at: float, pauses: int) -> None:
        """Record that the next attempt follows at `retry_at` seconds since boot."""
        self._write(
            "UPDATE run SET state = ?, retry_at = ?, pauses = ? WHERE id = ?",
            RunState.BACKOFF, retry_at, pauses, run,
        )  # fmt: skip

    def end_run(
        self, run: int, state: RunState, reason: Reason, detail: str, exit_code: int | None
    ) -> None:
        """Record a run's outcome."""
        self._write(
            "UPDATE run SET state = ?, reason = ?, detail = ?, exit_code = ?, ended = ?"
            " WHERE id = ?",
            state, reason, detail, exit_code, time.time(), run,
        )  # fmt: skip

    def begin_attempt(self, run: int, number: int, container: str, boot: str) -> int:
        """Record that a container is about to be made, and that its run has begun."""
        now = time.time()
        self._write("UPDATE run SET started = ? WHERE id = ? AND started IS NULL", now, run)
        return self._write(
            "INSERT INTO attempt (run, number, container, boot, started) VALUES (?, ?, ?, ?, ?)",
            run, number, container, boot, now,
        )  # fmt: skip

    def attempt_running(self, attempt: int, pid: int) -> None:
        """Record the pid of a container's first process."""
        self._write("UPDATE attempt SET pid = ? WHERE id = ?", pid, attempt)

    def begin_stop(self, attempt: int, cause: StopCause, at: float) -> None:
        """Record that an attempt is being ended since `at` seconds since boot."""
        self._write(
            "UPDATE attempt SET stop_cause = ?, stop_begun = ? WHERE id = ?", cause, at, attempt
        )

    def end_attempt(self, attempt: int, result: AttemptResult) -> None:
        """Record an attempt's outcome."""
        self._write(
            "UPDATE attempt SET reason = ?, detail = ?, exit_code = ?, signal = ?, ended = ?,"
            " elapsed = ?, memory_peak = ?, cpu_seconds = ?, io_read = ?, io_write = ?,"
            " oom_kills = ? WHERE id = ?",
            result.reason, result.detail, result.exit_code, result.signal, result.ended,
            result.elapsed, result.memory_peak, result.cpu_seconds, result.io_read,
            result.io_write, result.oom_kills, attempt,
        )  # fmt: skip

    # Reading

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
            _run(row)
            for row in self._rows(
                "SELECT * FROM run WHERE (?1 IS NULL OR session = ?1) AND (?2 IS NULL OR job = ?2)"
                " ORDER BY id",
                session, job,
            )
        ]  # fmt: skip

    def unfinished_runs(self) -> list[RunRecord]:
        """Runs that no outcome was recorded for."""
        return [_run(row) for row in self._rows("SELECT * FROM run WHERE ended IS NULL")]

    def last_run(self, job: str) -> RunRecord | None:
        """The newest run of a job."""
        for row in self._rows("SELECT * FROM run WHERE job = ? ORDER BY id DESC LIMIT 1", job):
            return _run(row)
        return None

    def attempts(self, run: int) -> list[AttemptRecord]:
        """The attempts of a run, first to last."""
        return [
            _attempt(row)
            for row in self._rows("SELECT * FROM attempt WHERE run = ? ORDER BY number", run)
        ]

    def job_names(self) -> list[str]:
        """Every job that was ever run."""
        return [row[0] for row in self._rows("SELECT DISTINCT job FROM run ORDER BY job")]
