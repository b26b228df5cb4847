"""Writing the state database. A transition is committed before it is acted on."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from attrs import asdict

from supervisor.health import Health
from supervisor.journal.reader import BUSY_TIMEOUT, JournalReader, other_version
from supervisor.journal.records import AttemptResult, EventKind, JournalCorrupt, JournalError
from supervisor.journal.schema import SCHEMA, VERSION
from supervisor.states import Reason, RunState, StopCause

REMEMBERED = 256
"""How many events are kept that no run belongs to any more, the newest ones; as many as Docker."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Journal(JournalReader):
    """The database, open for writing. Each method commits, but for those within `transaction`."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it and make the tables where there are none. Raises JournalError."""
        try:
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
            path.chmod(0o600)
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise JournalCorrupt(f"state database {path} is damaged: {verdict}")
            connection.execute("PRAGMA journal_mode = WAL")
            # With a write-ahead log this loses no commit to a killed process; only a power cut
            # may take the last ones, and the containers they speak of with them.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
                )
            elif version != VERSION:
                raise other_version(path, version)
        except (sqlite3.Error, OSError) as error:
            damaged = getattr(error, "sqlite_errorcode", None) in _DAMAGE
            kind = JournalCorrupt if damaged else JournalError
            raise kind(f"open state database {path}: {error}") from error
        return cls(connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is committed as one, or not at all. Raises JournalError."""
        self._write("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._write("ROLLBACK")
            raise
        self._write("COMMIT")

    @contextmanager
    def _joined(self) -> Iterator[None]:
        """A transaction of its own, or a part of the one that is open."""
        if self._connection.in_transaction:
            yield
        else:
            with self.transaction():
                yield

    def _write(self, statement: str, *values: object) -> int:
        try:
            return self._connection.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise JournalError(
                f"write the state database: {error}; jobs that run go on, `up` takes them up again"
            ) from error

    def event(
        self,
        kind: EventKind,
        detail: str,
        *,
        run: int | None = None,
        attempt: int | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        """Record that something happened; `attempt` is a number within the run."""
        self._write(
            "INSERT INTO event (time, kind, run, attempt, detail, data) VALUES (?, ?, ?, ?, ?, ?)",
            time.time(), kind, run, attempt, detail, json.dumps(data or {}),
        )  # fmt: skip

    def begin_session(self, file: str, project: str, pid: int) -> int:
        """Record a new `up`; returns its id."""
        with self._joined():
            session = self._write(
                "INSERT INTO session (file, project, pid, started) VALUES (?, ?, ?, ?)",
                file, project, pid, time.time(),
            )  # fmt: skip
            self.event(EventKind.SESSION, f"up {file}", data={"session": session, "pid": pid})
        return session

    def take_over_session(self, session: int, pid: int) -> None:
        """Record the process that goes on with a killed supervisor's `up`."""
        with self._joined():
            self._write("UPDATE session SET pid = ? WHERE id = ?", pid, session)
            self.event(
                EventKind.SESSION,
                "taken up after its supervisor was killed",
                data={"session": session, "pid": pid},
            )

    def end_session(self, session: int) -> None:
        """Record that an `up` has ended."""
        with self._joined():
            self._write("UPDATE session SET ended = ? WHERE id = ?", time.time(), session)
            self.event(EventKind.SESSION, "ended", data={"session": session})

    def create_run(self, session: int, job: str, state: RunState) -> int:
        """Record a new run; returns its id."""
        with self._joined():
            run = self._write(
                "INSERT INTO run (session, job, state, created) VALUES (?, ?, ?, ?)",
                session, job, state, time.time(),
            )  # fmt: skip
            self._state_event(run, state)
        return run

    def take_over(self, session: int, job: str, container: str, boot: str, started: float) -> int:
        """Record a run whose first attempt no supervisor has started; returns its id."""
        with self._joined():
            run = self.create_run(session, job, RunState.STARTING)
            attempt = self.begin_attempt(run, 1, container, boot)
            self._write("UPDATE run SET started = ? WHERE id = ?", started, run)
            self._write("UPDATE attempt SET started = ? WHERE id = ?", started, attempt)
        return run

    def _state_event(self, run: int, state: RunState, detail: str = "", **data: object) -> None:
        self.event(EventKind.STATE, detail or state, run=run, data={"state": state, **data})

    def restore_run(self, session: int, job: str, run: int) -> None:
        """Record a run that only its container is left to tell of."""
        now = time.time()
        self._write(
            "INSERT INTO run (id, session, job, state, created, started)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            run, session, job, RunState.RUNNING, now, now,
        )  # fmt: skip

    def skip_runs(self, last: int) -> None:
        """Give no id up to `last` to a new run: there are logs of such ones."""
        with self._joined():
            self._write("DELETE FROM sqlite_sequence WHERE name = 'run'")
            self._write("INSERT INTO sqlite_sequence (name, seq) VALUES ('run', ?)", last)

    def forget_runs(self, job: str, keep: int) -> list[int]:
        """Remove all but the newest `keep` runs of a job that have ended; returns their ids."""
        with self._joined():
            ids = [
                int(row["id"])
                for row in self._rows(
                    "SELECT id FROM run WHERE job = ? AND ended IS NOT NULL"
                    " ORDER BY id DESC LIMIT -1 OFFSET ?",
                    job, keep,
                )
            ]  # fmt: skip
            for run in ids:
                self._write("DELETE FROM run WHERE id = ?", run)
            if ids:
                self._write(
                    "DELETE FROM event WHERE run IS NULL AND time < (SELECT min(created) FROM run)"
                )
        return ids

    def forget_job(self, job: str) -> None:
        """Remove all runs that have ended of a job that there will be no more.

        What happened to them can still be told for a while: whoever waits learns how they ended.
        """
        with self._joined():
            self._write(
                "UPDATE event SET data = json_set(data, '$.run', run, '$.job', ?1), run = NULL"
                " WHERE run IN (SELECT id FROM run WHERE job = ?1 AND ended IS NOT NULL)",
                job,
            )
            self._write("DELETE FROM run WHERE job = ? AND ended IS NOT NULL", job)
            self._write(
                "DELETE FROM event WHERE run IS NULL AND id NOT IN"
                " (SELECT id FROM event WHERE run IS NULL ORDER BY id DESC LIMIT ?)",
                REMEMBERED,
            )

    def set_run_state(self, run: int, state: RunState) -> None:
        """Record a transition that is not the last one."""
        with self._joined():
            self._write("UPDATE run SET state = ? WHERE id = ?", state, run)
            self._state_event(run, state)

    def pause_run(self, run: int, retry_at: float, pauses: int, delay: float) -> None:
        """Record that the next attempt follows after `delay`, at `retry_at` seconds since boot."""
        with self._joined():
            self._write(
                "UPDATE run SET state = ?, retry_at = ?, pauses = ? WHERE id = ?",
                RunState.BACKOFF, retry_at, pauses, run,
            )  # fmt: skip
            self._state_event(run, RunState.BACKOFF, f"next attempt in {delay:.3g} s", delay=delay)

    def end_run(
        self, run: int, state: RunState, reason: Reason, detail: str, exit_code: int | None
    ) -> None:
        """Record a run's outcome."""
        with self._joined():
            self._write(
                "UPDATE run SET state = ?, reason = ?, detail = ?, exit_code = ?, ended = ?"
                " WHERE id = ?",
                state, reason, detail, exit_code, time.time(), run,
            )  # fmt: skip
            self._state_event(
                run, state, f"{state}: {reason}, {detail}", reason=reason, exit_code=exit_code
            )

    def begin_attempt(self, run: int, number: int, container: str, boot: str) -> int:
        """Record that a container is about to be made, and that its run has begun."""
        now = time.time()
        with self._joined():
            self._write("UPDATE run SET started = ? WHERE id = ? AND started IS NULL", now, run)
            attempt = self._write(
                "INSERT INTO attempt (run, number, container, boot, started)"
                " VALUES (?, ?, ?, ?, ?)",
                run, number, container, boot, now,
            )  # fmt: skip
            self.event(
                EventKind.ATTEMPT,
                f"attempt {number} begins",
                run=run,
                attempt=number,
                data={"container": container},
            )
        return attempt

    def attempt_running(self, attempt: int, pid: int) -> None:
        """Record the pid of a container's first process."""
        self._write("UPDATE attempt SET pid = ? WHERE id = ?", pid, attempt)

    def set_health(self, attempt: int, health: Health) -> None:
        """Record what the tests of a running attempt say."""
        self._write("UPDATE attempt SET health = ? WHERE id = ?", health, attempt)

    def begin_stop(self, attempt: int, cause: StopCause, at: float) -> None:
        """Record that an attempt is being ended since `at` seconds since boot."""
        self._write(
            "UPDATE attempt SET stop_cause = ?, stop_begun = ? WHERE id = ?", cause, at, attempt
        )

    def end_attempt(self, attempt: int, result: AttemptResult) -> None:
        """Record an attempt's outcome."""
        with self._joined():
            self._write(
                "UPDATE attempt SET reason = ?, detail = ?, exit_code = ?, signal = ?, ended = ?,"
                " elapsed = ?, memory_peak = ?, cpu_seconds = ?, io_read = ?, io_write = ?,"
                " oom_kills = ? WHERE id = ?",
                result.reason, result.detail, result.exit_code, result.signal, result.ended,
                result.elapsed, result.memory_peak, result.cpu_seconds, result.io_read,
                result.io_write, result.oom_kills, attempt,
            )  # fmt: skip
            for row in self._rows("SELECT run, number FROM attempt WHERE id = ?", attempt):
                self.event(
                    EventKind.ATTEMPT,
                    f"attempt {row['number']} ended: {result.reason}, {result.detail}",
                    run=row["run"],
                    attempt=row["number"],
                    data=asdict(result),
                )
