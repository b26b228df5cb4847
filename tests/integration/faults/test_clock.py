"""A wall clock that is set while jobs run: only what is shown follows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish
from tests.integration.faults.scene import Row, in_state, running, start, wait_until

pytestmark = pytest.mark.root

JOBS = """\
[defaults]
image = "host"
[jobs.long]
command = "sleep 2"
timeout = "1m"
[jobs.short]
command = "sleep 60"
timeout = "2s"
[jobs.again]
command = "exit 1"
retries = 1
backoff = { initial = "2s", jitter = 0 }
"""
DAY = 24 * 3600


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that says how far the wall clock of a supervisor is off; only that of this process."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    file = tmp_path / "clock"
    file.write_text("+0")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    return file


def set_clock(file: Path, offset: int) -> None:
    """Let the clock jump, in one step."""
    new = file.with_suffix(".new")
    new.write_text(f"{offset:+d}")
    os.replace(new, file)


@pytest.mark.parametrize("offset", [DAY, -DAY])
def test_durations_do_not_follow_the_wall_clock(pocker: Pocker, clock: Path, offset: int) -> None:
    """Neither timeouts nor pauses nor what an attempt took; times of events do."""
    process = start(pocker, JOBS)

    def under_way(rows: dict[str, Row]) -> bool:
        return running("long", "short")(rows) and in_state("backoff", "again")(rows)

    before = wait_until(pocker, under_way)
    set_clock(clock, offset)
    assert finish(process)[0] == 1
    after = wait_until(pocker, lambda _: True)
    reasons = {job: row.run.reason for job, row in after.items()}
    assert reasons == {"long": "Completed", "short": "DeadlineExceeded", "again": "Error"}
    assert after["again"].attempt is not None
    assert after["again"].attempt.number == 2
    for job in ("long", "short"):
        attempt = after[job].attempt
        assert attempt is not None
        assert attempt.elapsed is not None
        assert 1.5 < attempt.elapsed < 30
        started, ended = before[job].run.started, after[job].run.ended
        assert started is not None
        assert ended is not None
        assert abs(ended - started - offset) < 30
