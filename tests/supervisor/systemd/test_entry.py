"""Lines of the supervisor's own log as entries of the journal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.systemd.entry import own_entry
from tests.integration.logs.journal import parse


def fields(level: str, **said: object) -> dict[str, str]:
    """The fields of an entry, by the journal's own rules."""
    return {name: value.decode() for name, value in parse(own_entry(level, said))}


def test_what_a_line_is_about_is_a_field() -> None:
    """Job, run, attempt, reason and code can be matched; all values are in the text too."""
    shown = fields(
        "info",
        event="job ended",
        job="load",
        run=7,
        attempt=2,
        reason="Error",
        code=3,
        detail="a b",
    )
    assert shown == {
        "MESSAGE": 'job ended job=load run=7 attempt=2 reason=Error code=3 detail="a b"',
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "pocker",
        "JOB": "load",
        "RUN": "7",
        "ATTEMPT": "2",
        "REASON": "Error",
        "CODE": "3",
    }


@pytest.mark.parametrize(
    ("level", "priority"), [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")]
)
def test_the_level_is_the_priority(level: str, priority: str) -> None:
    """So that journalctl -p finds it, and shows it in its colour."""
    assert fields(level, event="a")["PRIORITY"] == priority


def test_what_is_not_known_is_no_field() -> None:
    """A job that was skipped has no code."""
    assert "CODE" not in fields("info", event="job ended", job="a", code=None)


def test_lists_and_quotes_can_be_read() -> None:
    """Values that would run into each other are quoted."""
    shown = fields("info", event="a", victims=["x", "y"], text='say "hi"', empty="")
    assert shown["MESSAGE"] == r'a victims="x, y" text="say \"hi\"" empty=""'


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_no_value_can_make_a_field_of_its_own(job: str, detail: str) -> None:
    """Newlines and all else stay in the value, and the text is one line."""
    shown = fields("info", event="e", job=job, detail=detail)
    assert set(shown) == {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "JOB"}
    assert shown["JOB"] == job
    assert "\n" not in shown["MESSAGE"]


def test_a_file_name_that_is_no_text_is_kept() -> None:
    """Its bytes are sent as they are."""
    assert b"/tmp/\xff" in own_entry("info", {"event": "a", "path": "/tmp/\udcff"})
