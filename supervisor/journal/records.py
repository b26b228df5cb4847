"""The rows of the state database as frozen values; times are seconds since the epoch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from enum import StrEnum

from attrs import field, fields, frozen

from supervisor.health import Health
from supervisor.states import Reason, RunState, StopCause


class JournalError(Exception):
    """The state database cannot be opened, read or written."""


class JournalCorrupt(JournalError):
    """The state database is damaged, or no database at all."""


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

    `health` is None where nothing tests it. `boot` is the kernel's id of the boot it was started
    in; `stop_begun` is in seconds since boot.
    """

    id: int
    run: int
    number: int
    container: str
    boot: str
    pid: int | None
    health: Health | None
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
    """What is known when an attempt has ended; `stop_cause` was written when the stop began."""

    reason: Reason
    detail: str = ""
    exit_code: int | None = None
    signal: int | None = None
    stop_cause: StopCause | None = None
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


def run_of(row: sqlite3.Row) -> RunRecord:
    """A run, from its row."""
    values = dict(row)
    values["state"] = RunState(values["state"])
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    return RunRecord(**values)


def attempt_of(row: sqlite3.Row) -> AttemptRecord:
    """An attempt, from its row."""
    values = dict(row)
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    values["health"] = Health(values["health"]) if values["health"] else None
    return AttemptRecord(**values)


class EventKind(StrEnum):
    """What an event tells of."""

    SESSION = "session"
    """An `up` began, was taken up by a new supervisor, is shutting down, or ended."""
    STATE = "state"
    """A run has a new state."""
    ATTEMPT = "attempt"
    """A container is made for a run, is taken over from a killed supervisor, or has ended."""
    OOM = "oom"
    """The kernel killed a process of a container for want of memory."""
    RELOAD = "reload"
    """The jobs file was read again, and is followed from now on or was refused."""
    HEALTH = "health"
    """What the tests of a running job say has changed."""
    REQUEST = "request"
    """The processes of a container were made to stand still or to go on, or sent a signal."""
    LOG = "log"
    """Output could not be written to a log, or can be again."""


@frozen(kw_only=True)
class EventRecord:
    """One thing that happened: `detail` for people, `data` for programs; `id` grows.

    `container` is that of its attempt, or of the newest one then; None where it is not known.
    """

    id: int
    time: float
    kind: EventKind
    job: str | None
    run: int | None
    attempt: int | None
    container: str | None
    detail: str
    data: Mapping[str, object] = field(factory=dict)


def event_of(row: sqlite3.Row) -> EventRecord:
    """An event, from its row."""
    values = dict(row)
    values["kind"] = EventKind(values["kind"])
    values["data"] = json.loads(values["data"])
    return EventRecord(**values)
