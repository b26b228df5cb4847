"""What the journal knows, as the JSON documents that commands print. Pure.

Times are RFC 3339 in UTC, durations are seconds, sizes are bytes; null where nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from supervisor.cli.format import Document
from supervisor.cli.moments import rfc3339
from supervisor.journal import AttemptRecord, RunRecord


def run_document(run: RunRecord) -> Document:
    """One run, without its attempts."""
    return {
        "run": run.id,
        "job": run.job,
        "state": run.state,
        "reason": run.reason,
        "detail": run.detail,
        "exit_code": run.exit_code,
        "created": rfc3339(run.created),
        "started": rfc3339(run.started),
        "ended": rfc3339(run.ended),
    }


def attempt_document(attempt: AttemptRecord) -> Document:
    """One attempt."""
    return {
        "attempt": attempt.number,
        "container": attempt.container,
        "pid": attempt.pid,
        "health": attempt.health,
        "reason": attempt.reason,
        "detail": attempt.detail,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "started": rfc3339(attempt.started),
        "ended": rfc3339(attempt.ended),
        "elapsed": attempt.elapsed,
        "memory_peak": attempt.memory_peak,
        "cpu_seconds": attempt.cpu_seconds,
        "io_read": attempt.io_read,
        "io_write": attempt.io_write,
        "oom_kills": attempt.oom_kills,
    }


def elapsed(run: RunRecord, now: float) -> float | None:
    """Seconds since the first attempt of a run began, up to its end or to `now`."""
    if run.started is None:
        return None
    return round((now if run.ended is None else run.ended) - run.started, 3)


def newest(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The last of a run's attempts."""
    return attempts[-1] if attempts else None
