"""How an `up` ended: the table of all runs, and the exit code. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from runtime.units import format_size
from supervisor.cli.moments import UNKNOWN, span
from supervisor.cli.table import Row, format_table, state_cell
from supervisor.job import JobRun
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptRecord, AttemptResult, RunRecord, result_of
from supervisor.states import Reason, RunState

HEADERS = ("JOB", "STATE", "REASON", "EXIT", "ATTEMPTS", "ELAPSED", "MEMORY", "DETAIL")
FAILED = 1


@frozen(kw_only=True)
class Ending:
    """How one run stands in the end; `result` is of its last attempt."""

    job: JobSpec
    state: RunState
    reason: Reason | None
    exit_code: int | None
    detail: str
    attempts: int
    result: AttemptResult | None

    @property
    def is_fine(self) -> bool:
        """Whether it succeeded, or need not have."""
        return self.state is RunState.SUCCEEDED or self.job.allow_failure


def ending_of(run: JobRun) -> Ending:
    """The ending of a run of this process."""
    outcome = run.outcome
    return Ending(
        job=run.spec,
        state=run.state,
        reason=None if outcome is None else outcome.reason,
        exit_code=None if outcome is None else outcome.exit_code,
        detail="" if outcome is None else outcome.detail,
        attempts=run.attempts,
        result=run.result,
    )


def recorded_ending(job: JobSpec, run: RunRecord, attempts: Sequence[AttemptRecord]) -> Ending:
    """The ending of a run of another process, from the journal."""
    ended = [attempt for attempt in attempts if attempt.ended is not None]
    return Ending(
        job=job,
        state=run.state,
        reason=run.reason,
        exit_code=run.exit_code,
        detail=run.detail,
        attempts=len(attempts),
        result=result_of(ended[-1]) if ended else None,
    )


def summarise(endings: Iterable[Ending], *, colour: bool) -> str:
    """The table that is shown in the end. ELAPSED and MEMORY (its peak) are of the last attempt."""
    return format_table(HEADERS, [_row(ending) for ending in endings], colour=colour)


def _row(ending: Ending) -> Row:
    result = ending.result
    peak = None if result is None else result.memory_peak
    return (
        ending.job.name,
        state_cell(ending.state),
        ending.reason or UNKNOWN,
        UNKNOWN if ending.exit_code is None else str(ending.exit_code),
        str(ending.attempts),
        span(None if result is None else result.elapsed),
        UNKNOWN if peak is None else format_size(peak),
        _detail(ending),
    )


def _detail(ending: Ending) -> str:
    if ending.job.allow_failure and ending.state is RunState.FAILED:
        return f"{ending.detail} (allowed to fail)"
    return ending.detail


def exit_code(
    endings: Mapping[str, Ending], *, signal: int | None, decisive: str | None = None
) -> int:
    """The exit code of `up`: that of the job `decisive`, or whether all succeeded that had to.

    `signal` is what ended it from outside; it counts more than any job.
    """
    if signal is not None:
        return 128 + signal
    if decisive is not None:
        # It may have gone from the file.
        return _own_code(endings[decisive]) if decisive in endings else FAILED
    return 0 if all(ending.is_fine for ending in endings.values()) else FAILED


def _own_code(ending: Ending) -> int:
    if ending.exit_code is None or ending.reason is Reason.CANCELLED:
        return FAILED
    return ending.exit_code
