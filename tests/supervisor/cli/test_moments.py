"""Times for people and for programs."""

from __future__ import annotations

import time

import pytest

from supervisor.cli.moments import local, rfc3339, span


def test_programs_get_utc() -> None:
    """RFC 3339 with milliseconds, and null where there is no time."""
    assert rfc3339(1_700_000_000.1234) == "2023-11-14T22:13:20.123Z"
    assert rfc3339(None) is None


def test_people_get_their_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local time zone, and a dash where there is no time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-05:30")
        time.tzset()
        assert local(1_700_000_000.9) == "2023-11-15 03:43:20"
    time.tzset()
    assert local(None) == "-"


def test_spans_never_run_backwards() -> None:
    """A clock that was set back makes no negative duration."""
    assert (span(90.4), span(-3.0), span(None)) == ("1m30s", "0s", "-")
