"""Variables in strings."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.substitution import substitute

VARIABLES = {"A": "value", "EMPTY": "", "DOLLAR": "${A}"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "value"),
        ("x${A}y${A}", "xvalueyvalue"),
        ("${EMPTY}", ""),
        ("${NOPE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "value"),
        ("${NOPE-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${A:?m}${A?m}${EMPTY?m}", "valuevalue"),
        ("${A:+x}${EMPTY:+x}${NOPE:+x}", "x"),
        ("${A+x}${EMPTY+x}${NOPE+x}", "xx"),
        ("${NOPE:-${A}}", "value"),
        ("${NOPE:-a${NOPE:-b}c}", "abc"),
        ("${NOPE:-}", ""),
        ("${NOPE:-a:-b}", "a:-b"),
        ("${NOPE:-$${A}}", "${A}"),
        ("${A:-${NOPE:?not reached}}", "value"),
        ("${NOPE:-\n}", "\n"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$$${A}", "$value"),
        ("$A $1 $? $(date) $", "$A $1 $? $(date) $"),
        ("}{", "}{"),
        ("${DOLLAR}", "${A}"),
    ],
)
def test_variables_are_replaced(text: str, result: str) -> None:
    """Braces are replaced as Compose does it, once; all else is left for the shell."""
    assert substitute(text, VARIABLES) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NOPE}", "variable NOPE is not set; give a default with ${NOPE:-default}"),
        ("${NOPE:?say why}", "variable NOPE is required: say why"),
        ("${EMPTY:?for ${A}}", "variable EMPTY is required: for value"),
        ("${NOPE?}", "variable NOPE is required: it is not set"),
        ("${A", "'${' has no closing brace; write '$$' for a dollar sign"),
        ("${A:-${A}", "'${' has no closing brace; write '$$' for a dollar sign"),
        ("${}", "'${}' is not a variable; write '$$' to keep it for the shell"),
        ("${A%x}", "'${A%x}' is not a variable; write '$$' to keep it for the shell"),
        ("${1}", "'${1}' is not a variable; write '$$' to keep it for the shell"),
    ],
)
def test_what_has_no_value_is_an_error(text: str, message: str) -> None:
    """A variable that is not set is never silently nothing."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        substitute(text, VARIABLES)


@given(st.text())
def test_doubled_dollars_protect_any_text(text: str) -> None:
    """Any text reaches a job unchanged if its dollar signs are doubled."""
    assert substitute(text.replace("$", "$$"), {}) == text
