"""The lines of an env_file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.envfile import parse_env_file, parse_plain
from supervisor.problems import JobsFileError


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("A=1", {"A": "1"}),
        ("  export  A = 1  ", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=b=c", {"A": "b=c"}),
        ("A=b c # note", {"A": "b c"}),
        ("A=b#c", {"A": "b#c"}),
        ("A=# note", {"A": ""}),
        ("A='b # \"c\" $D \\n' # note", {"A": 'b # "c" $D \\n'}),
        (r'A="b\n\t\"\$\\ # x"', {"A": 'b\n\t"$\\ # x'}),
        (r'A="b\w"', {"A": r"b\w"}),
        ("A=${B}", {"A": "${B}"}),
        ("A=1\r", {"A": "1"}),
        ("\ufeffA=1", {"A": "1"}),
        ("# A=1", {}),
        ("", {}),
        ("A=1\nB=2\nA=3", {"A": "3", "B": "2"}),
        ("exports=1", {"exports": "1"}),
    ],
)
def test_line_is_read(line: str, variables: dict[str, str]) -> None:
    """Quotes, comments and export are understood; nothing is replaced in a value."""
    assert parse_env_file(line, "f") == variables


def test_wrong_lines_are_named_and_never_shown() -> None:
    """Every wrong line is a problem with its number, and no secret gets into a message."""
    with pytest.raises(JobsFileError) as caught:
        parse_env_file('secret\nA=1\n=secret\nB=\'secret\nC="secret" x\nD=sec\0ret', "a.env")
    assert [str(problem) for problem in caught.value.problems] == [
        "a.env:1: is not KEY=VALUE",
        "a.env:3: is not KEY=VALUE",
        "a.env:4: has no closing single quote, or text after it",
        "a.env:5: has no closing double quote, or text after it",
        "a.env:6: contains a NUL character",
    ]


def test_lines_for_a_command_stay_as_they_are() -> None:
    """Quotes and blanks belong to the value, and a name alone is passed on, as with Docker."""
    text = "# A=0\n\n  A='1' # b \r\nB\nC=\nD==\n"
    assert parse_plain(text, "f") == ["A='1' # b ", "B", "C=", "D=="]
    with pytest.raises(JobsFileError) as caught:
        parse_plain("A=1\n=secret\nexport B=secret\nC=se\0cret", "a.env")
    assert [str(problem) for problem in caught.value.problems] == [
        "a.env:2: has no name of a variable at its beginning",
        "a.env:3: has no name of a variable at its beginning",
        "a.env:4: contains a NUL character",
    ]


@given(st.text(st.characters(exclude_characters="\n\0'", exclude_categories=["Cs"])))
def test_single_quotes_keep_any_value(value: str) -> None:
    """What stands in single quotes is the value, letter for letter."""
    assert parse_env_file(f"A='{value}'", "f") == {"A": value}
