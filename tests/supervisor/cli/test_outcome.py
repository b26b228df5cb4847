"""What `up` returns, and the table that it ends with."""

from __future__ import annotations

import pytest
from attrs import evolve

from supervisor.cli.outcome import Ending, exit_code, summarise
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptResult
from supervisor.states import Reason, RunState


def run(
    state: RunState, reason: Reason, code: int | None, *, allow_failure: bool = False
) -> Ending:
    """A run that has ended."""
    return Ending(
        job=JobSpec(name="a", allow_failure=allow_failure),
        state=state,
        reason=reason,
        exit_code=code,
        detail="how",
        attempts=2,
        result=None,
    )


GOOD = run(RunState.SUCCEEDED, Reason.COMPLETED, 0)
BAD = run(RunState.FAILED, Reason.ERROR, 3)
TOLERATED = run(RunState.FAILED, Reason.OOM_KILLED, 137, allow_failure=True)
SKIPPED = run(RunState.SKIPPED, Reason.SKIPPED, None)
STOPPED = run(RunState.CANCELLED, Reason.CANCELLED, 143)
LOST = run(RunState.FAILED, Reason.LOST, None)
ODD = run(RunState.SUCCEEDED, Reason.COMPLETED, 4)


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ([GOOD, GOOD], 0),
        ([GOOD, ODD], 0),
        ([GOOD, TOLERATED], 0),
        ([GOOD, BAD], 1),
        ([SKIPPED], 1),
        ([STOPPED], 1),
        ([LOST], 1),
    ],
)
def test_only_the_success_of_all_that_must_succeed_is_0(runs: list[Ending], code: int) -> None:
    """A failure that is allowed counts for nothing, anything else that is no success for all."""
    assert exit_code(dict(enumerate_names(runs)), signal=None) == code


@pytest.mark.parametrize(
    ("decisive", "code"),
    [(GOOD, 0), (BAD, 3), (TOLERATED, 137), (ODD, 4), (SKIPPED, 1), (STOPPED, 1), (LOST, 1)],
)
def test_one_job_may_decide(decisive: Ending, code: int) -> None:
    """Its own exit code is returned, or 1 where it has none that means anything."""
    assert exit_code({"a": decisive, "b": BAD}, signal=None, decisive="a") == code


def test_a_signal_counts_most() -> None:
    """Who pressed Ctrl-C gets 130, whatever the jobs made of it."""
    assert exit_code({"a": GOOD}, signal=2) == 130
    assert exit_code({"a": BAD}, signal=15, decisive="a") == 143


def test_the_summary_says_how_each_run_ended() -> None:
    """State, reason, exit code, attempts, the last attempt's cost, and the words of the journal."""
    cost = AttemptResult(reason=Reason.OOM_KILLED, ended=0.0, elapsed=1.5, memory_peak=10 << 20)
    spent = evolve(TOLERATED, result=cost)
    assert summarise([spent, SKIPPED], colour=False).split("\n") == [
        "JOB  STATE    REASON     EXIT  ATTEMPTS  ELAPSED  MEMORY  DETAIL",
        "a    failed   OOMKilled  137   2         1.5s     10MiB   how (allowed to fail)",
        "a    skipped  Skipped    -     2         -        -       how",
    ]


def enumerate_names(runs: list[Ending]) -> list[tuple[str, Ending]]:
    """The runs under names of their own."""
    return [(f"job{number}", each) for number, each in enumerate(runs)]
