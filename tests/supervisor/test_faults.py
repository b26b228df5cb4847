"""Faults and problems: collected, placed, and shown without harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecError
from supervisor.faults import Fault, Refused, faults_of, read_each
from supervisor.problems import JobsFileError, KeyPath, Problem, show_path


def test_reading_goes_on_after_a_fault() -> None:
    """Every entry of a list is looked at, and each fault has the place it is at."""

    def read(_: int, entry: object) -> int:
        if entry == "deep":
            raise Refused([Fault(("key", 0), "deep fault"), Fault((), "second")])
        if entry == "spec":
            raise SpecError("memory", "too little")
        return int(str(entry))

    assert read_each(enumerate(["1", "2"]), read) == {0: 1, 1: 2}
    with pytest.raises(Refused) as caught:
        read_each(enumerate(["1", "x", "deep", "spec"]), read)
    assert caught.value.faults == (
        Fault((1,), "invalid literal for int() with base 10: 'x'"),
        Fault((2, "key", 0), "deep fault"),
        Fault((2,), "second"),
        Fault((3, "memory"), "too little"),
    )


def test_mistake_in_the_program_is_not_one_in_the_file() -> None:
    """An error that no value can cause is passed on as it is."""
    with pytest.raises(ZeroDivisionError):
        list(faults_of(ZeroDivisionError(), ("a",)))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("jobs", "a", "volumes", 1), "jobs.a.volumes[1]"),
        (("jobs", "a.b", "x"), 'jobs."a.b".x'),
        (("", "é", "\n\x1b"), '""."\\u00e9"."\\n\\u001b"'),
    ],
)
def test_path_is_shown_as_toml_writes_it(path: KeyPath, shown: str) -> None:
    """A path can be copied into a file; odd names are quoted."""
    assert show_path(path) == shown


@given(st.lists(st.text() | st.integers(0, 99)))
def test_shown_path_is_harmless_and_unambiguous(path: list[str | int]) -> None:
    """No name can move the cursor of a terminal, or look like a path of several keys."""
    shown = show_path(tuple(path))
    assert shown.isascii()
    assert shown.isprintable()
    assert shown.count("[") >= sum(isinstance(part, int) for part in path)


def test_problems_are_lines() -> None:
    """A problem has its file, its line and its key in front, as far as they are known."""
    problems = [
        Problem("j.toml", 3, "jobs.a", "is wrong"),
        Problem("j.toml", None, "", "is missing"),
    ]
    error = JobsFileError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "j.toml:3: jobs.a: is wrong\nj.toml: is missing"
