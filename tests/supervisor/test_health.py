"""How the results of tests become the health of a job."""

from __future__ import annotations

from functools import reduce

import pytest

from supervisor.health import Health, HealthState
from supervisor.healthplan import HealthPlan

CHECK = HealthPlan(test=("true",), retries=3, start_period=60, interval=30, start_interval=5)


def after(results: str, age: float = 100) -> HealthState:
    """The state after tests that passed (+) or failed (-), at `age` seconds."""

    def step(state: HealthState, result: str) -> HealthState:
        return state.after(CHECK, passed=result == "+", age=age)

    return reduce(step, results, HealthState())


@pytest.mark.parametrize(
    ("results", "health"),
    [
        ("", Health.STARTING),
        ("--", Health.STARTING),
        ("---", Health.UNHEALTHY),
        ("+", Health.HEALTHY),
        ("+--", Health.HEALTHY),
        ("+--+--", Health.HEALTHY),
        ("+---", Health.UNHEALTHY),
        ("---+", Health.HEALTHY),
    ],
)
def test_failures_in_a_row_decide(results: str, health: Health) -> None:
    """A single success makes healthy, and only as many failures as `retries` make unhealthy."""
    assert after(results).health is health


def test_failures_count_only_after_the_start_period() -> None:
    """Until then nothing but a success changes anything; after a success they count at once."""
    assert after("-----", age=59) == HealthState()
    assert after("+---", age=59).health is Health.UNHEALTHY


@pytest.mark.parametrize(
    ("results", "age", "pause"),
    [("", 0, 5), ("-", 59, 5), ("-", 60, 30), ("+", 10, 30), ("+---", 10, 30)],
)
def test_tests_are_frequent_only_while_it_starts(results: str, age: float, pause: float) -> None:
    """The short pause is for a job that was never healthy, within its start period."""
    assert after(results, age).pause(CHECK, age) == pause


def test_the_start_interval_never_slows_down() -> None:
    """A short interval holds during the start period, too."""
    check = HealthPlan(test=("true",), interval=1, start_period=60)
    assert HealthState().pause(check, 0) == 1
