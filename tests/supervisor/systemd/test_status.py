"""The line that `systemctl status` shows."""

from __future__ import annotations

import pytest

from supervisor.states import RunState
from supervisor.systemd.status import describe_states


def test_the_three_that_matter_are_always_there() -> None:
    """Nothing to tell is told, too."""
    assert describe_states([], stopping=False) == "0 running, 0 waiting, 0 failed"


@pytest.mark.parametrize("state", RunState)
def test_each_state_is_counted_once(state: RunState) -> None:
    """Whatever a run does, it is one of the numbers."""
    words = describe_states([state, state], stopping=False).replace(",", "").split()
    assert sum(int(word) for word in words if word.isdigit()) == 2


def test_waits_and_ends_are_told_apart() -> None:
    """Who is being stopped runs, whoever pauses waits; a begin and an end have their own words."""
    states = [
        RunState.RUNNING, RunState.STARTING, RunState.STOPPING, RunState.BACKOFF,
        RunState.QUEUED, RunState.FAILED, RunState.SUCCEEDED, RunState.SKIPPED,
    ]  # fmt: skip
    said = describe_states(states, stopping=True)
    assert said == ("stopping: 2 running, 2 waiting, 1 failed, 1 starting, 1 succeeded, 1 skipped")
