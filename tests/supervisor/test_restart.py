"""When another attempt follows, and after what pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.jobspec import JobSpec
from supervisor.policies import Backoff, RestartKind, RestartPolicy
from supervisor.restart import Retry, Stop, next_step, pause
from supervisor.states import Reason

FAILURES = [Reason.ERROR, Reason.OOM_KILLED, Reason.DEADLINE_EXCEEDED, Reason.LOST]
NOT_PEOPLE_S = [*FAILURES, Reason.COMPLETED]

BACKOFFS = st.builds(
    lambda initial, factor, more, jitter: Backoff(
        initial=initial, factor=factor, max=initial + more, jitter=jitter
    ),
    st.floats(0, 1e6),
    st.floats(1, 1000),
    st.floats(0, 1e6),
    st.floats(0, 1),
)


def job(restart: str = "no", *, times: int | None = None, retries: int = 0) -> JobSpec:
    """A job with this policy."""
    policy = RestartPolicy(kind=RestartKind(restart), max_restarts=times)
    return JobSpec(name="a", restart=policy, retries=retries)


def step(
    spec: JobSpec,
    reason: Reason,
    *,
    attempt: int = 1,
    exit_code: int | None = 1,
    elapsed: float = 0.0,
    pauses: int = 0,
) -> Retry | Stop:
    """The decision, with chance in the middle of its range."""
    return next_step(
        spec,
        attempt=attempt,
        reason=reason,
        exit_code=exit_code,
        elapsed=elapsed,
        pauses=pauses,
        chance=0.5,
    )


@pytest.mark.parametrize("reason", NOT_PEOPLE_S)
def test_without_a_policy_there_is_one_attempt(reason: Reason) -> None:
    """A job that asks for nothing is never run twice."""
    assert step(job(), reason) == Stop()


@pytest.mark.parametrize("reason", FAILURES)
def test_retries_are_further_attempts(reason: Reason) -> None:
    """Two retries are three attempts, whatever kind of failure it was."""
    spec = job(retries=2)
    assert [isinstance(step(spec, reason, attempt=n), Retry) for n in (1, 2, 3)] == [
        True,
        True,
        False,
    ]


def test_success_needs_no_other_attempt() -> None:
    """Only a job that is always restarted runs again after it has completed."""
    for spec in (job(retries=2), job("on-failure")):
        assert step(spec, Reason.COMPLETED, exit_code=0) == Stop()
    for kind in ("always", "unless-stopped"):
        assert isinstance(step(job(kind), Reason.COMPLETED, exit_code=0), Retry)


@pytest.mark.parametrize("reason", FAILURES)
def test_on_failure_goes_on_until_its_bound(reason: Reason) -> None:
    """Without a number a failing job is restarted for ever, with one that many times."""
    assert isinstance(step(job("on-failure"), reason, attempt=10**6), Retry)
    assert isinstance(step(job("on-failure", times=3), reason, attempt=3), Retry)
    assert step(job("on-failure", times=3), reason, attempt=4) == Stop()


@pytest.mark.parametrize("spec", [job(retries=9), *map(job, RestartKind)])
def test_what_somebody_ended_stays_ended(spec: JobSpec) -> None:
    """No policy starts a job again that was cancelled."""
    assert step(spec, Reason.CANCELLED) == Stop()


@pytest.mark.parametrize("spec", [job(), job(retries=9), *map(job, RestartKind)])
def test_what_was_ended_for_another_definition_begins_again(spec: JobSpec) -> None:
    """At once, whatever the policy is now, and the pauses begin anew."""
    decision = next_step(
        spec, attempt=9, reason=Reason.CANCELLED, exit_code=143, elapsed=1.0, pauses=9,
        chance=0.5, replaced=True,
    )  # fmt: skip
    assert decision == Retry(delay=0.0, pauses=0)


@pytest.mark.parametrize("spec", [job(retries=9), job("on-failure"), job("always")])
def test_missing_command_is_not_tried_again(spec: JobSpec) -> None:
    """A command that could not be found or executed will not be there next time; 125 may pass."""
    assert step(spec, Reason.START_ERROR, exit_code=127) == Stop()
    assert step(spec, Reason.START_ERROR, exit_code=126) == Stop()
    assert isinstance(step(spec, Reason.START_ERROR, exit_code=125), Retry)
    # The same codes from a command that ran, such as a shell's, are ordinary failures.
    assert isinstance(step(spec, Reason.ERROR, exit_code=127), Retry)


def _delays(spec: JobSpec, elapsed: float, count: int) -> list[float]:
    delays, pauses = [], 0
    for _ in range(count):
        decision = step(spec, Reason.ERROR, elapsed=elapsed, pauses=pauses)
        assert isinstance(decision, Retry)
        delays.append(decision.delay)
        pauses = decision.pauses
    return delays


def test_restarts_pause_as_docker_s_do() -> None:
    """100 ms, doubled up to a minute, and from the start again after ten good seconds."""
    spec = job("always")
    assert _delays(spec, 1, 5) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert _delays(spec, 9.9, 12)[-1] == 60
    assert _delays(spec, 10, 3) == pytest.approx([0.1, 0.1, 0.1])


def test_retries_pause_longer_each_time() -> None:
    """A long attempt that fails has not worked, so a retry's pause is not reset by it."""
    assert _delays(job(retries=9), 3600, 4) == [1, 2, 4, 8]


def test_pauses_of_the_job_s_own_are_used() -> None:
    """A backoff that a job gives holds for retries and restarts alike."""
    backoff = Backoff(initial=5, factor=1, max=5, jitter=0)
    restarted = JobSpec(name="a", restart=RestartPolicy(kind=RestartKind.ALWAYS), backoff=backoff)
    retried = JobSpec(name="a", retries=9, backoff=backoff)
    assert _delays(restarted, 0, 3) == _delays(retried, 0, 3) == [5, 5, 5]


@given(BACKOFFS, st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_pause_stays_within_its_bounds(backoff: Backoff, number: int, chance: float) -> None:
    """No pause is negative, above the longest one, or further from its place than jitter allows."""
    delay = pause(backoff, number, chance)
    assert 0 <= delay <= backoff.max
    lowest = min(backoff.initial, backoff.max) * (1 - backoff.jitter)
    assert delay >= lowest * (1 - 1e-9)


@given(BACKOFFS, st.integers(0, 1000))
def test_pauses_never_get_shorter(backoff: Backoff, number: int) -> None:
    """With the same chance, a later pause is at least as long."""
    assert pause(backoff, number, 0.5) <= pause(backoff, number + 1, 0.5)


@given(BACKOFFS)
def test_chance_spreads_around_the_middle(backoff: Backoff) -> None:
    """Jitter goes as far down as up, as long as the longest pause is not reached."""
    low, middle, high = (pause(backoff, 0, chance) for chance in (0, 0.5, 1))
    assert low <= middle <= high
    assert middle == pytest.approx(backoff.initial)
    assert low == pytest.approx(backoff.initial * (1 - backoff.jitter))
