"""Outcomes: what a job's dependants are told is the same from a journal."""

from __future__ import annotations

from attrs import evolve

from supervisor.journal import RunRecord
from supervisor.states import Reason, RunState
from supervisor.workshop import Outcome

FAILED = RunRecord(
    id=1,
    session=1,
    job="load",
    state=RunState.FAILED,
    reason=Reason.ERROR,
    detail="exit code 3: no such table",
    exit_code=3,
    created=1.0,
    started=1.0,
    ended=2.0,
    retry_at=None,
    pauses=0,
)


def test_a_failure_is_the_cause_for_its_dependants() -> None:
    """A job that failed begins the chain, and its end is what is told at the end of it."""
    outcome = Outcome.restored("load", FAILED)
    assert (outcome.chain, outcome.exit_code) == (("load",), 3)
    assert outcome.cause == "Error, exit code 3: no such table"


def test_a_chain_goes_on_from_a_job_that_was_skipped_before() -> None:
    """One that the journal says was skipped names the job that failed, not itself, as the cause."""
    skipped = Outcome.skipped(("sum", "load"), "Error, exit code 3: no such table")
    assert skipped.detail == "sum <- load: Error, exit code 3: no such table"
    record = evolve(
        FAILED, job="sum", state=RunState.SKIPPED, reason=Reason.SKIPPED, detail=skipped.detail,
        exit_code=None,
    )  # fmt: skip
    assert Outcome.restored("sum", record) == skipped
