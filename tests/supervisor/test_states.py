"""The table of states, and the rule that names the reason of an ended attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.states import (
    TRANSITIONS,
    AttemptEnd,
    Event,
    IllegalTransition,
    Reason,
    RunState,
    StopCause,
    apply,
    classify,
)

TERMINAL = {RunState.SUCCEEDED, RunState.FAILED, RunState.SKIPPED, RunState.CANCELLED}


def test_terminal_states_are_the_four_outcomes() -> None:
    """A run is over exactly when nothing can happen to it any more."""
    assert {state for state in RunState if state.terminal} == TERMINAL


@given(st.sampled_from(RunState), st.sampled_from(Event))
def test_only_listed_events_are_possible(state: RunState, event: Event) -> None:
    """An event that the table does not list is an error that names both, never ignored."""
    if event in TRANSITIONS[state]:
        assert apply(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalTransition, match=f"run is {state}: event '{event}'"):
            apply(state, event)


def test_every_state_can_be_reached_and_left() -> None:
    """Each state is on a way from pending, and from each there is a way to an end."""
    reached = {RunState.PENDING}
    for _ in RunState:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(RunState)
    ending = set(TERMINAL)
    for _ in RunState:
        ending |= {state for state in RunState if ending & set(TRANSITIONS[state].values())}
    assert ending == set(RunState)


@pytest.mark.parametrize("state", [state for state in RunState if state not in TERMINAL])
def test_run_can_be_cancelled_at_any_time(state: RunState) -> None:
    """Wherever a run stands, somebody can end it: at once, or by stopping its attempt."""
    if Event.CANCELLED not in TRANSITIONS[state]:
        state = apply(state, Event.STOP_BEGUN)
    assert apply(state, Event.CANCELLED) is RunState.CANCELLED


@given(st.data())
def test_attempt_runs_only_with_a_slot(data: st.DataObject) -> None:
    """In any life of a run, a slot comes before an attempt and is given back for a pause."""
    state, has_slot = RunState.PENDING, False
    for _ in range(20):
        if state.terminal:
            return
        event = data.draw(st.sampled_from(list(TRANSITIONS[state])))
        if event is Event.SLOT_GRANTED:
            assert not has_slot
            has_slot = True
        if event in (Event.STARTED, Event.SUCCEEDED, Event.RETRY):
            assert has_slot
        if event is Event.RETRY:
            has_slot = False
        state = apply(state, event)


ENDS = st.builds(
    AttemptEnd,
    code=st.one_of(st.none(), st.integers(0, 255)),
    oom_kills=st.integers(0, 2),
    stop=st.sampled_from([None, "deadline", "cancelled"]),
)


@pytest.mark.parametrize(
    ("end", "reason", "exit_code"),
    [
        (AttemptEnd(code=0), Reason.COMPLETED, 0),
        (AttemptEnd(code=3), Reason.ERROR, 3),
        (AttemptEnd(signal=11), Reason.ERROR, 139),
        (AttemptEnd(signal=9), Reason.ERROR, 137),
        (AttemptEnd(code=137), Reason.ERROR, 137),
        (AttemptEnd(signal=9, oom_kills=1), Reason.OOM_KILLED, 137),
        (AttemptEnd(code=1, oom_kills=1), Reason.OOM_KILLED, 1),
        (AttemptEnd(code=0, oom_kills=5), Reason.COMPLETED, 0),
        (AttemptEnd(), Reason.LOST, None),
        (AttemptEnd(oom_kills=1), Reason.LOST, None),
        (AttemptEnd(start_code=127), Reason.START_ERROR, 127),
        (AttemptEnd(start_code=125, oom_kills=1), Reason.START_ERROR, 125),
        (AttemptEnd(signal=9, stop="deadline"), Reason.DEADLINE_EXCEEDED, 137),
        (AttemptEnd(code=0, stop="deadline"), Reason.DEADLINE_EXCEEDED, 0),
        (AttemptEnd(signal=9, oom_kills=1, stop="deadline"), Reason.DEADLINE_EXCEEDED, 137),
        (AttemptEnd(code=0, stop="cancelled"), Reason.CANCELLED, 0),
        (AttemptEnd(signal=15, oom_kills=1, stop="cancelled"), Reason.CANCELLED, 143),
        (AttemptEnd(start_code=125, stop="cancelled"), Reason.CANCELLED, 125),
        (AttemptEnd(stop="cancelled"), Reason.CANCELLED, None),
    ],
)
def test_reason_is_the_first_true_cause(
    end: AttemptEnd, reason: Reason, exit_code: int | None
) -> None:
    """Who ended an attempt decides before how it ended, and a code alone proves no OOM kill."""
    assert classify(end) == (reason, exit_code)


def test_success_codes_are_the_job_s_own() -> None:
    """Other codes than 0 can mean success, that of a signal too, and 0 need not."""
    assert classify(AttemptEnd(code=3), (0, 3)) == (Reason.COMPLETED, 3)
    assert classify(AttemptEnd(signal=15), (143,)) == (Reason.COMPLETED, 143)
    assert classify(AttemptEnd(code=0), (3,)) == (Reason.ERROR, 0)


@given(ENDS)
def test_oom_is_never_guessed(end: AttemptEnd) -> None:
    """OOMKilled needs a counted kill, a failed job, and nobody else who ended it."""
    reason, code = classify(end)
    assert (reason is Reason.OOM_KILLED) == (
        end.oom_kills > 0 and end.stop is None and code not in (0, None)
    )


@given(ENDS, st.sampled_from(["deadline", "cancelled"]))
def test_stop_never_hides_the_exit_code(end: AttemptEnd, stop: StopCause) -> None:
    """Whatever the reason, the code is what the job left, and unknown if it left none."""
    assert classify(end)[1] == end.code
    assert classify(AttemptEnd(code=end.code, stop=stop))[1] == end.code
