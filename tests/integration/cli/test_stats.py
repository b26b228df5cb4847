"""What running jobs use, looked up while they do."""

from __future__ import annotations

import json

import pytest

from tests.integration.cli.pocker import Pocker, finish
from tests.integration.faults.scene import running, start, wait_until

pytestmark = pytest.mark.root

TEXT = """
[defaults]
image = "host"
[jobs.busy]
command = "while :; do :; done"
memory = "64m"
pids_limit = 7
[jobs.idle]
command = "exec sleep 1000"
"""


@pytest.mark.controller("memory", "pids")
def test_one_look_at_what_runs(pocker: Pocker) -> None:
    """A busy job uses the processor, an idle one does not; limits are those of the file."""
    up = start(pocker, TEXT)
    wait_until(pocker, running("busy", "idle"))
    found = {each["job"]: each for each in pocker.json("stats", "--no-stream")}
    busy, idle = found["busy"], found["idle"]
    assert busy["cpu_percent"] > 5 > idle["cpu_percent"]
    assert (busy["memory_limit"], busy["pids_limit"]) == (64 << 20, 7)
    assert 1 <= idle["pids"] <= 3
    assert (idle["network_received"], idle["network_sent"]) == (0, 0)
    assert set(busy["pressure"]) <= {"cpu", "memory", "io"}
    header, line = pocker.stdout("stats", "--no-stream", "idle").splitlines()
    assert header.startswith("JOB   CONTAINER")
    assert line.split()[0] == "idle"
    refused = pocker.run("stats", "--no-stream", "bussy")
    assert refused.stderr == 'pocker: no such container: bussy; did you mean "busy"?\n'
    pocker.run("down", "--now")
    finish(up)


def test_samples_follow_until_all_have_ended(pocker: Pocker) -> None:
    """Each second an array on a line of its own; the last one is empty."""
    up = start(pocker, TEXT)
    wait_until(pocker, running("busy", "idle"))
    shown = pocker.start("stats", "--format", "json", "idle")
    assert shown.stdout is not None
    (first,) = json.loads(shown.stdout.readline())
    (second,) = json.loads(shown.stdout.readline())
    assert first["container"] == second["container"]
    pocker.run("down", "--now")
    code, lines, _ = finish(shown)
    assert (code, lines[-1]) == (0, "[]")
    finish(up)


def test_without_jobs_there_is_a_header(pocker: Pocker) -> None:
    """Nothing to wait for."""
    assert pocker.stdout("stats").startswith("JOB  CONTAINER  CPU %")
