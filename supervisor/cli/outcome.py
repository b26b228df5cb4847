"""How an `up` ended: the table of all runs, and the exit code. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runtime.units import format_size
from supervisor.cli.moments import UNKNOWN, span
from supervisor.cli.table import Row, format_table, state_cell
from supervisor.job import JobRun
from supervisor.states import Reason, RunState

HEADERS = ("JOB", "STATE", "REASON", "EXIT", "ATTEMPTS", "ELAPSED", "MEMORY", "DETAIL")
FAILED = 1


def summarise(runs: Iterable[JobRun], *, colour: bool) -> str:
    """The table that is shown in the end. ELAPSED and MEMORY (its peak) are of the last attempt."""
    return format_table(HEADERS, [_row(run) for run in runs], colour=colour)


def _row(run: JobRun) -> Row:
    outcome, result = run.outcome, run.result
    code = None if outcome is None else outcome.exit_code
    peak = None if result is None else result.memory_peak
    return (
        run.spec.name,
        state_cell(run.state),
        UNKNOWN if outcome is None else outcome.reason,
        UNKNOWN if code is None else str(code),
        str(run.attempts),
        span(None if result is None else result.elapsed),
        UNKNOWN if peak is None else format_size(peak),
        _detail(run),
    )


def _detail(run: JobRun) -> str:
    detail = "" if run.outcome is None else run.outcome.detail
    if run.spec.allow_failure and run.state is RunState.FAILED:
        return f"{detail} (allowed to fail)"
    return detail


def exit_code(
    runs: Mapping[str, JobRun], *, signal: int | None, decisive: str | None = None
) -> int:
    """The exit code of `up`: that of the job `decisive`, or whether all succeeded that had to.

    `signal` is what ended it from outside; it counts more than any job.
    """
    if signal is not None:
        return 128 + signal
    if decisive is not None:
        return _own_code(runs[decisive])
    failed = [run for run in runs.values() if not (run.succeeded or run.spec.allow_failure)]
    return FAILED if failed else 0


def _own_code(run: JobRun) -> int:
    outcome = run.outcome
    if outcome is None or outcome.exit_code is None or outcome.reason is Reason.CANCELLED:
        return FAILED
    return outcome.exit_code
