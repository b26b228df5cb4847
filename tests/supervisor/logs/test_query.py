"""What a reader of a log asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecError
from supervisor.logs.query import LogQuery, format_time, parse_moment

NOW = 1_704_164_645_123_456_789
LINE = b"2024-01-02T03:04:05.123456789Z stdout F message"


def test_the_present_is_formatted() -> None:
    """Nine digits and a Z, as in log files."""
    assert format_time(NOW) == "2024-01-02T03:04:05.123456789Z"
    assert format_time(0) == "1970-01-01T00:00:00.000000000Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05.000000000Z"),
        ("2024-01-02t03:04:05.5z", "2024-01-02T03:04:05.500000000Z"),
        ("2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.123456789Z"),
        ("2024-01-02T03:04:05+02:30", "2024-01-02T00:34:05.000000000Z"),
        ("2024-01-02T23:04:05.25-02:00", "2024-01-03T01:04:05.250000000Z"),
        ("10m", "2024-01-02T02:54:05.123456789Z"),
        ("1h30m", "2024-01-02T01:34:05.123456789Z"),
        ("1ms", "2024-01-02T03:04:05.122456789Z"),
        ("0s", "2024-01-02T03:04:05.123456789Z"),
        ("40000d", "1970-01-01T00:00:00.000000000Z"),
    ],
)
def test_moments_are_read(text: str, moment: str) -> None:
    """RFC 3339 with any offset, or a duration before now."""
    assert parse_moment("since", text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "-10m", "2024-01-02", "2024-01-02T03:04:05", "2024-13-02T03:04:05Z",
     "2024-02-30T03:04:05Z", "2024-01-02T25:04:05Z", "2024-01-02T03:04:05.1234567890Z",
     "2024-01-02T03:04:05+25:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
)  # fmt: skip
def test_other_text_is_refused(text: str) -> None:
    """The error names the option and quotes what was given."""
    with pytest.raises(SpecError, match=r"^since: ") as caught:
        parse_moment("since", text, NOW)
    assert repr(text) in str(caught.value)


@given(
    st.integers(86_400 * 10**6, 10**17),
    st.integers(-23 * 60, 23 * 60),
)
def test_an_offset_does_not_change_the_moment(microseconds: int, minutes: int) -> None:
    """The same moment written in any zone is the same text."""
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    local = (moment + timedelta(minutes=minutes)).isoformat().removesuffix("+00:00")
    text = f"{local}{sign}{hours:02}:{rest:02}"
    assert parse_moment("since", text, NOW) == format_time(microseconds * 1000)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (LogQuery(), True),
        (LogQuery(stream="stdout"), True),
        (LogQuery(stream="stderr"), False),
        (LogQuery(since="2024-01-02T03:04:05.123456789Z"), True),
        (LogQuery(since="2024-01-02T03:04:05.123456790Z"), False),
        (LogQuery(until="2024-01-02T03:04:05.123456789Z"), False),
        (LogQuery(until="2024-01-02T03:04:05.123456790Z"), True),
    ],
)
def test_lines_are_chosen(query: LogQuery, wanted: bool) -> None:
    """Since includes its moment, until does not."""
    assert query.wants(LINE) is wanted


def test_a_damaged_line_is_never_wanted() -> None:
    """What is shorter than a prefix is not output."""
    assert not LogQuery().wants(LINE[:39])


def test_a_negative_tail_is_refused() -> None:
    """A number of lines cannot be negative."""
    with pytest.raises(SpecError, match="tail: -1 is not a number of lines"):
        LogQuery(tail=-1)
