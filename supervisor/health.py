"""Whether a running job does its work, as its tests tell. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    # Whoever only reads what was found out does not pay for how it is settled.
    from supervisor.healthplan import HealthPlan


class Health(StrEnum):
    """What the tests of a running attempt have shown so far."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@frozen(kw_only=True)
class HealthState:
    """The health of an attempt, and how many tests have failed since one passed."""

    health: Health = Health.STARTING
    failures: int = 0

    def after(self, check: HealthPlan, *, passed: bool, age: float) -> HealthState:
        """The state after one more test of an attempt that has run for `age` seconds.

        Docker's rules: one that was never healthy has until the end of its start period.
        """
        if passed:
            return HealthState(health=Health.HEALTHY)
        if self.health is Health.STARTING and age < check.start_period:
            return self
        failures = self.failures + 1
        health = Health.UNHEALTHY if failures >= check.retries else self.health
        return HealthState(health=health, failures=failures)

    def pause(self, check: HealthPlan, age: float) -> float:
        """Seconds until the next test."""
        if self.health is Health.STARTING and age < check.start_period:
            return min(check.start_interval, check.interval)
        return check.interval
