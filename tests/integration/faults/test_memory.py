"""Out of memory: who died, by whose limit, and what it means for the job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.cli.pocker import Pocker
from tests.integration.faults.scene import events, inspect

pytestmark = [pytest.mark.root, pytest.mark.controller("memory")]

EATER = "tail /dev/zero > /dev/null"
"""Eats alone: one that feeds it could be killed as well while its memory is being given back."""


def oom_events(pocker: Pocker) -> list[dict[str, Any]]:
    """The events of out-of-memory kills."""
    return [event for event in events(pocker) if event["kind"] == "oom"]


def test_the_event_names_the_process_the_limit_and_the_peak(pocker: Pocker) -> None:
    """The reason is the kernel's own count, the rest is the kernel's own log."""
    text = f'[jobs.a]\nimage = "host"\nmemory = "20m"\ncommand = "{EATER}"'
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert row["reason"] == "OOMKilled"
    (event,) = oom_events(pocker)
    data = event["data"]
    assert (data["kills"], data["limit"]) == (1, 20 << 20)
    assert data["peak"] <= 20 << 20
    (victim,) = data["victims"]
    assert (victim["process"], victim["is_own"]) == ("tail", True)
    assert "tail (pid " in row["detail"]


def test_a_job_that_survives_its_child_has_not_failed(pocker: Pocker) -> None:
    """The kill is an event; the job's own exit code is its outcome. A second kill is seen too."""
    text = f"""
    [jobs.a]
    image = "host"
    memory = "20m"
    command = "{EATER}; {EATER}; echo survived"
    """
    assert pocker.run("up", pocker.file(text)).returncode == 0
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["reason"]) == ("succeeded", "Completed")
    assert [event["data"]["kills"] for event in oom_events(pocker)][-1] == 2
    attempt = inspect(pocker, "a")["runs"][-1]["attempts"][0]
    assert attempt["oom_kills"] == 2


def test_code_137_alone_is_no_oom_kill(pocker: Pocker) -> None:
    """A job that is killed by somebody else has not run out of memory."""
    text = '[jobs.a]\nimage = "host"\nmemory = "20m"\ncommand = "kill -9 $$$$"'
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["reason"], row["exit_code"]) == ("Error", 137)


def test_a_policy_lets_all_die_where_one_does(pocker: Pocker) -> None:
    """The job that could have coped with the kill does not: it fails for memory as a whole."""
    text = f"""
    [jobs.a]
    image = "host"
    memory = "20m"
    oom_policy = "group"
    command = "echo begins; {EATER}; sleep 30; echo survived"
    """
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["reason"], row["exit_code"]) == ("OOMKilled", 137)
    assert row["elapsed"] < 20
    assert pocker.ask("logs", "a") == "begins\n"
