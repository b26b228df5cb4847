"""Whether another attempt follows one that has ended, and after what pause.

Pure: the chance in a pause is an argument.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from attrs import frozen

from supervisor.jobspec import JobSpec
from supervisor.policies import Backoff, RestartKind, RestartPolicy
from supervisor.states import Reason

RETRY_BACKOFF = Backoff()
RESTART_BACKOFF = Backoff(initial=0.1, factor=2, max=60, jitter=0)
"""Docker's: from 100 ms, doubled up to a minute."""

STEADY_SECONDS = 10.0
"""An attempt of this length or more counts as having worked: the pauses begin anew (Docker's)."""


@frozen(kw_only=True)
class Retry:
    """Another attempt follows after `delay` seconds.

    `pauses` counts the pauses since they last began anew, this one included; it is handed to the
    next decision.
    """

    delay: float
    pauses: int


@frozen
class Stop:
    """No other attempt follows."""


NextStep: TypeAlias = Retry | Stop


def policy_of(job: JobSpec) -> RestartPolicy:
    """A job's policy; ``retries = 3`` is on-failure:3, and never stands beside a `restart`."""
    if job.retries:
        return RestartPolicy(kind=RestartKind.ON_FAILURE, max_restarts=job.retries)
    return job.restart


def backoff_of(job: JobSpec) -> Backoff:
    """A job's pauses: its own, or those that suit what it asks for."""
    if job.backoff is not None:
        return job.backoff
    return RETRY_BACKOFF if job.retries else RESTART_BACKOFF


def next_step(
    job: JobSpec,
    *,
    attempt: int,
    reason: Reason,
    exit_code: int | None,
    elapsed: float,
    pauses: int,
    chance: float,
    replaced: bool = False,
) -> NextStep:
    """Decide after attempt number `attempt` (from 1) ended after `elapsed` seconds.

    `pauses` is that of the last `Retry`, 0 before any; `chance` is in [0, 1). One that was ended
    to be `replaced` is followed by another at once, whatever the policy.
    """
    if replaced:
        return Retry(delay=0.0, pauses=0)
    if not _wants_another(policy_of(job), attempt, reason, exit_code):
        return Stop()
    # `retries` are a few tries of one piece of work; a long one that fails has not worked, so
    # only a restarted job is forgiven its past.
    if elapsed >= STEADY_SECONDS and not job.retries:
        pauses = 0
    return Retry(delay=pause(backoff_of(job), pauses, chance), pauses=pauses + 1)


def _wants_another(
    policy: RestartPolicy, attempt: int, reason: Reason, exit_code: int | None
) -> bool:
    if reason in (Reason.CANCELLED, Reason.SKIPPED):
        return False
    # A command that is not there, or not executable, is not there the next time either; Docker
    # does not restart it. Any other failure to start may pass, such as memory that is short, and
    # is tried again as systemd does.
    if reason is Reason.START_ERROR and exit_code in (126, 127):
        return False
    if policy.endless:
        return True
    if policy.kind is RestartKind.NO or reason is Reason.COMPLETED:
        return False
    return policy.max_restarts is None or attempt <= policy.max_restarts


def pause(backoff: Backoff, number: int, chance: float) -> float:
    """Pause `number` (from 0): initial * factor^number, spread by jitter, never above max."""
    try:
        growth = backoff.factor**number
    except OverflowError:
        growth = math.inf
    even = min(backoff.initial * growth, backoff.max) if backoff.initial else 0.0
    spread = 1 + backoff.jitter * (2 * chance - 1)
    return min(even * spread, backoff.max)
