"""Which rows are shown where the screen is too small for all of them."""

from __future__ import annotations

from typing import cast

import pytest

from supervisor.cli.live import choose
from supervisor.job import JobRun
from supervisor.jobspec import JobSpec
from supervisor.states import RunState
from supervisor.workshop import Workshop

STATES = [
    RunState.SUCCEEDED, RunState.RUNNING, RunState.PENDING, RunState.FAILED, RunState.QUEUED,
    RunState.BACKOFF,
]  # fmt: skip
RUNS = [
    JobRun(spec=JobSpec(name=state.value), shop=cast(Workshop, None), number=1, state=state)
    for state in STATES
]


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (9, ["succeeded", "running", "pending", "failed", "queued", "backoff"]),
        (5, ["running", "pending", "failed", "queued", "backoff"]),
        (3, ["running", "failed", "backoff"]),
        (2, ["running", "backoff"]),
        (0, ["running"]),
        (-1, ["running"]),
    ],
)
def test_what_matters_most_is_shown_in_the_order_of_the_file(room: int, shown: list[str]) -> None:
    """Jobs at work come before failed ones, those before waiting ones; no row changes its place."""
    assert [run.spec.name for run in choose(RUNS, room)] == shown
