"""How often a stream is looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.pace import BURST, GATHERED, TURNS_PER_SECOND, Pace


def test_a_short_job_is_never_held_up() -> None:
    """The first turns follow each other at once."""
    pace = Pace(0.0)
    assert [pace.pause(72, n * 0.001) for n in range(BURST - 1)] == [0.0] * (BURST - 1)


def test_a_quiet_stream_is_served_at_once() -> None:
    """Five lines a second are far below what costs anything."""
    pace = Pace(0.0)
    assert {pace.pause(72, n * 0.2) for n in range(1, 100)} == {0.0}


def test_a_chatty_stream_is_served_at_intervals() -> None:
    """A hundred lines a second are taken in a few turns."""
    pace = Pace(0.0)
    now, turns = 0.0, 0
    while now < 10.0:
        now += pace.pause(720, now) or 0.01
        turns += 1
    assert 10 * TURNS_PER_SECOND <= turns <= 10 * TURNS_PER_SECOND + 2 * BURST


def test_a_fast_stream_is_not_held_up() -> None:
    """Where a pause would fill the pipe, there is none."""
    pace = Pace(0.0)
    assert {pace.pause(65536, n * 0.0001) for n in range(1, 1000)} == {0.0}


@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.floats(0, 100)), min_size=1, max_size=50))
def test_pauses_are_bounded(turns: list[tuple[int, float]]) -> None:
    """No pause is longer than the interval, or than the pipe takes to gather a quarter."""
    pace = Pace(0.0)
    now = 0.0
    for count, gap in turns:
        now += gap
        pause = pace.pause(count, now)
        assert 0 <= pause <= 1 / TURNS_PER_SECOND
        assert pause * count <= GATHERED * gap * 1.001 + 1e-9 or pause == 0
