"""Times for people and for programs."""

from __future__ import annotations

import time

import pytest

from supervisor.cli.moments import about, dated, local, rfc3339, span


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
        assert dated(1_700_000_000.9) == "2023-11-15 03:43:20 +0530 XXX"
    time.tzset()
    assert local(None) == "-"


def test_spans_never_run_backwards() -> None:
    """A clock that was set back makes no negative duration."""
    assert (span(90.4), span(-3.0), span(None)) == ("1m30s", "0s", "-")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "Less than a second"),
        (1.9, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3600, "About an hour"),
        (5400, "2 hours"),
        (47.4 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (731 * 86400, "2 years"),
    ],
)
def test_ages_are_told_in_docker_s_words(seconds: float, words: str) -> None:
    """One unit is enough, and it changes where Docker's does."""
    assert about(seconds) == words
