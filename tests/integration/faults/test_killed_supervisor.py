"""Whatever a supervisor was doing when it was killed, the next one goes on with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker
from tests.integration.faults.scene import (
    events,
    in_state,
    inspect,
    kill,
    running,
    start,
    wait_until,
    write,
)

pytestmark = pytest.mark.root

COUNTING = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.005; done; exit 3"


def test_a_running_job_goes_on_untouched(pocker: Pocker) -> None:
    """It keeps its process, every line is in its log once, and its outcome is the true one."""
    text = f'[jobs.count]\nimage = "host"\ncommand = "{COUNTING}"\nsuccess_codes = [3]'
    first = start(pocker, text)
    before = wait_until(pocker, running("count"))["count"].attempt
    assert before is not None
    kill(first)
    ended = pocker.run("up", pocker.file(text))
    assert ended.returncode == 0, ended.stderr
    (after,) = pocker.json("ps", "-a")
    assert (after["container"], after["attempt"]) == (before.container, 1)
    lines = pocker.ask("logs", "count").splitlines()
    assert lines == [f"line {number}" for number in range(400)]
    assert [event["detail"] for event in events(pocker) if "adopted" in event["detail"]] == [
        "attempt 1 adopted"
    ]


def test_what_ended_meanwhile_is_known(pocker: Pocker) -> None:
    """A job that wrote and ended while nobody was there has its output and its exit code."""
    text = '[jobs.a]\nimage = "host"\ncommand = "sleep 0.5; echo last words; exit 7"'
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    kill(first)
    time.sleep(1)  # the job's own time, with nobody to see its end
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["reason"], row["exit_code"]) == ("failed", "Error", 7)
    assert pocker.ask("logs", "a") == "last words\n"


def test_what_had_ended_is_not_run_again(pocker: Pocker, tmp_path: Path) -> None:
    """A job that succeeded stays so, and what waits for others goes on waiting for them."""
    (tmp_path / "seen").mkdir()
    text = f"""
    [defaults]
    image = "host"
    volumes = ["{tmp_path}/seen:/seen"]
    [jobs.first]
    command = "echo x >> /seen/first"
    [jobs.second]
    command = "echo x >> /seen/second; sleep 1.5"
    depends_on = ["first"]
    [jobs.third]
    command = "echo x >> /seen/third"
    depends_on = ["second"]
    """
    first = start(pocker, text)
    wait_until(pocker, running("second"))
    kill(first)
    assert pocker.run("up", pocker.file(text)).returncode == 0
    for name in ("first", "second", "third"):
        assert (tmp_path / "seen" / name).read_text() == "x\n"


def test_a_timeout_goes_on(pocker: Pocker) -> None:
    """The deadline counts from the attempt's own start, not from the new supervisor's."""
    text = '[jobs.a]\nimage = "host"\ncommand = "sleep 60"\ntimeout = "2s"'
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    kill(first)
    time.sleep(2.5)  # the deadline passes with nobody there
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["reason"], row["exit_code"]) == ("DeadlineExceeded", 137)
    times = {event["detail"]: event["timeNano"] / 1e9 for event in events(pocker)}
    assert times["stopping"] - times["attempt 1 adopted"] < 1.5


def test_a_stop_that_was_begun_is_brought_to_its_end(pocker: Pocker) -> None:
    """Who was asked to end and does not is killed when its grace period is over."""
    text = """
    [jobs.a]
    image = "host"
    command = "trap '' TERM; while :; do sleep 0.05; done"
    stop_grace_period = "2s"
    """
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    time.sleep(0.2)
    first.terminate()
    wait_until(pocker, in_state("stopping", "a"))
    kill(first)
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["reason"]) == ("cancelled", "Cancelled")


def test_a_pause_goes_on(pocker: Pocker) -> None:
    """The attempts of before count, and the pause ends when it would have ended."""
    text = """
    [jobs.a]
    image = "host"
    command = "false"
    retries = 1
    backoff = { initial = "2s", jitter = 0 }
    """
    first = start(pocker, text)
    wait_until(pocker, in_state("backoff", "a"))
    began = time.monotonic()
    kill(first)
    assert pocker.run("up", pocker.file(text)).returncode == 1
    assert time.monotonic() - began >= 1.5
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["attempt"]) == ("failed", 2)


def test_an_attempt_that_a_reboot_ended_is_lost_and_retried(pocker: Pocker) -> None:
    """Another boot id means that nobody saw the end: Lost, and the policy decides about more."""
    text = """
    [jobs.a]
    image = "host"
    command = "sleep 60"
    retries = 1
    backoff = "10ms"
    timeout = "200ms"
    """
    first = start(pocker, text.replace('timeout = "200ms"', ""))
    wait_until(pocker, running("a"))
    kill(first)
    write(pocker, "UPDATE attempt SET boot = 'another'")
    assert pocker.run("up", pocker.file(text)).returncode == 1
    attempts = inspect(pocker, "a")["runs"][-1]["attempts"]
    assert [attempt["reason"] for attempt in attempts] == ["Lost", "DeadlineExceeded"]
    assert "rebooted" in attempts[0]["detail"]


def test_a_second_supervisor_is_refused(pocker: Pocker) -> None:
    """It says who the first one is, and changes nothing."""
    text = '[jobs.a]\nimage = "host"\ncommand = "sleep 60"'
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    refused = pocker.run("up", pocker.file(text.replace("jobs.a", "jobs.b"), "other.toml"))
    assert refused.returncode == 125
    assert f"pid {first.pid}" in refused.stderr
    assert pocker.states() == {"a": "running"}


def test_another_file_is_refused_while_jobs_run(pocker: Pocker) -> None:
    """The jobs of a killed supervisor are not ended by an `up` that does not know them."""
    text = '[jobs.a]\nimage = "host"\ncommand = "sleep 60"'
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    kill(first)
    refused = pocker.run("up", pocker.file(text.replace("jobs.a", "jobs.b"), "other.toml"))
    assert refused.returncode == 125
    assert "are still running (a)" in refused.stderr
