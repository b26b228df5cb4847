"""Sizes, durations, core counts and rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.units import (
    format_duration,
    format_size,
    parse_cpu_list,
    parse_cpus,
    parse_duration,
    parse_rate,
    parse_size,
)

ANYTHING = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="0123456789.kmgtpibdhsu /-+_", max_size=8),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10m", 10 << 20),
        ("512k", 512 << 10),
        ("1g", 1 << 30),
        ("1.5g", 3 << 29),
        ("2T", 2 << 40),
        ("1p", 1 << 50),
        ("100", 100),
        ("100b", 100),
        ("10MB", 10 << 20),
        ("10MiB", 10 << 20),
        ("10mib", 10 << 20),
        ("10 MB", 10 << 20),
        ("0", 0),
        ("1.3k", 1331),
        (4096, 4096),
    ],
)
def test_size_is_read_as_docker_reads_it(text: object, size: int) -> None:
    """Every unit is a power of 1024, in either case, with or without B or iB."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "value",
    [
        "",
        "m",
        "10x",
        "1.5",
        "-1",
        "+1",
        "1e3",
        "1_000",
        "10mi",
        "٣k",
        "1..5g",
        " 1",
        -1,
        1.5,
        True,
        None,
        [],
        "9" * 30,
        2**63,
    ],
)
def test_size_that_is_none_is_refused_with_its_text(value: object) -> None:
    """A value that is no size is refused with a message that quotes it."""
    with pytest.raises(ValueError, match="is not a size") as caught:
        parse_size(value)
    assert str(caught.value).startswith(repr(value)[:20])


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_whole_bytes_survive(size: int) -> None:
    """A number of bytes is read back exactly, as a number and as text."""
    assert parse_size(size) == parse_size(str(size)) == parse_size(f"{size}B") == size


@given(st.integers(min_value=0, max_value=2**62))
def test_shown_size_is_read_back_within_its_precision(size: int) -> None:
    """What a table shows is a size itself and within a tenth of a unit of the real one."""
    shown = parse_size(format_size(size))
    assert abs(shown - size) <= max(size, 1) * 0.06


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536, "1.5KiB"),
        (10 << 20, "10MiB"),
        ((1 << 20) - 1, "1MiB"),
        (1 << 60, "1024PiB"),
    ],
)
def test_size_is_shown_in_its_largest_unit(size: int, text: str) -> None:
    """A table shows one decimal at most, and never 1024 of a unit that has a larger one."""
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("2d", 172800),
        ("1.5h", 5400),
        ("1d2h3m4s5ms6us", 93784.005006),
        ("0s", 0),
        (5, 5),
        (2.5, 2.5),
    ],
)
def test_duration_is_read(text: object, seconds: float) -> None:
    """Units may be combined from large to small; a plain number is seconds."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "90",
        "s",
        "1m1h",
        "1s1s",
        "-1s",
        "1 h",
        "1w",
        "1,5h",
        -1,
        -0.5,
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        10**400,
        "9" * 400 + "s",
    ],
)
def test_duration_that_is_none_is_refused(value: object) -> None:
    """No unit, a wrong order, a repeated unit, a negative or an endless time are all refused."""
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)


@given(st.floats(min_value=0, max_value=1e9))
def test_shown_duration_is_read_back_within_its_precision(seconds: float) -> None:
    """What a table shows is a duration itself and close to the real one."""
    shown = parse_duration(format_duration(seconds))
    assert shown == pytest.approx(seconds, rel=0.06, abs=0.001)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (0.9996, "1s"),
        (10, "10s"),
        (12.34, "12.3s"),
        (59.97, "1m"),
        (90, "1m30s"),
        (3600, "1h"),
        (3661, "1h01m"),
        (86399.9, "1d"),
        (273600, "3d4h"),
    ],
)
def test_duration_is_shown_in_two_units_at_most(seconds: float, text: str) -> None:
    """A table shows the two largest units, and never sixty of a smaller one."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "cpus"), [("0.5", 0.5), (".5", 0.5), ("2", 2), (2, 2), (1.5, 1.5)]
)
def test_cpus_are_read(value: object, cpus: float) -> None:
    """Cores are a number or its text."""
    assert parse_cpus(value) == cpus


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        0,
        -1,
        "-1",
        "1/2",
        "2 cores",
        True,
        None,
        float("inf"),
        float("nan"),
        10**400,
    ],
)
def test_cpus_that_are_none_are_refused(value: object) -> None:
    """Nothing, less than nothing and more than everything are refused."""
    with pytest.raises(ValueError, match="is not a number of cores"):
        parse_cpus(value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", {0}), ("0-3,6", {0, 1, 2, 3, 6}), ("5,5-5", {5}), ("65535", {65535})],
)
def test_a_list_of_cpus_is_a_set_of_numbers(text: str, numbers: set[int]) -> None:
    """Ranges include both ends."""
    assert parse_cpu_list(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "2-1", "0,,1", "0, 1", "65536", "1-99999"])
def test_a_list_of_cpus_that_is_none_is_refused(text: str) -> None:
    """Nothing is guessed, and no number is larger than the kernel's."""
    with pytest.raises(ValueError, match=r"is not a list of CPUs such as '0-3,6'$"):
        parse_cpu_list(text)


@pytest.mark.parametrize(("value", "rate"), [("1m", 1 << 20), ("1MB/s", 1 << 20), (500, 500)])
def test_rate_is_a_size_per_second(value: object, rate: int) -> None:
    """A rate is written as a size, and may say that it is per second."""
    assert parse_rate(value) == rate


@pytest.mark.parametrize("value", [0, "0", "", "/s", "1m/h", "1m/s/s", -1, None])
def test_rate_that_is_none_is_refused(value: object) -> None:
    """A rate of zero would stop the job for good, so it is refused like a wrong unit."""
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(value)


@given(ANYTHING)
def test_parsers_are_total(value: object) -> None:
    """Whatever a document holds, a parser gives a number in range or a ValueError."""
    for parse in (parse_size, parse_rate, parse_duration, parse_cpus):
        try:
            number = parse(value)
        except ValueError as error:
            assert str(error)
        else:
            assert 0 <= number < 2**63 + 1
