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
    assert header.startswith("CONTAINER ID")
    assert line.split()[:2] == [idle["container"], "idle"]
    shown = pocker.ask("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "idle")
    assert shown == f"idle {idle['pids']}\n"
    refused = pocker.run("stats", "--no-stream", "bussy")
    assert refused.stderr == 'pocker: no such container: bussy; did you mean "busy"?\n'
    pocker.run("down", "--now")
    finish(up)


def test_samples_follow_until_all_have_ended(pocker: Pocker) -> None:
    """Each second an object on a line of its own; in the end nothing is counted any more."""
    up = start(pocker, TEXT)
    wait_until(pocker, running("busy", "idle"))
    shown = pocker.start("stats", "--format", "json", "idle")
    assert shown.stdout is not None
    first, second = (json.loads(shown.stdout.readline()) for _ in range(2))
    assert first["container"] == second["container"]
    pocker.run("down", "--now")
    code, lines, _ = finish(shown)
    last = json.loads(lines[-1])
    assert (code, last["Name"], last["PIDs"], last["container"]) == (0, "idle", "--", None)
    finish(up)


def test_without_jobs_there_is_a_header(pocker: Pocker) -> None:
    """Nothing to wait for."""
    assert pocker.stdout("stats").startswith("CONTAINER ID  NAME  CPU %")


@pytest.mark.controller("memory", "pids")
def test_containers_in_docker_s_columns(pocker: Pocker) -> None:
    """What does not run, or has no network of its own, is not counted, and nothing is made up."""
    for name, options in {"own": ("-m", "64m"), "shared": ("--network", "host")}.items():
        pocker.stdout("run", "-d", "--name", name, *options, "host", "sleep", "1000")
    ended = pocker.stdout("create", "--name", "ended", "host", "true").strip()
    form = r"table {{.Name}}\t{{.PIDs}}\t{{.NetIO}}\t{{.MemUsage}}"
    lines = pocker.ask("stats", "-a", "--no-stream", "--format", form).splitlines()
    assert lines[0].split() == ["NAME", "PIDS", "NET", "I/O", "MEM", "USAGE", "/", "LIMIT"]
    assert lines[1].split() == ["ended", "--", "--", "--", "/", "--"]
    assert [line.split()[0] for line in lines[2:]] == ["shared", "own"]
    documents = {each["Name"]: each for each in pocker.json("stats", "-a", "--no-stream")}
    assert documents["own"]["MemUsage"].endswith(" / 64MiB")
    assert documents["own"]["NetIO"] == "0B / 0B"
    assert documents["shared"]["NetIO"] == "--"
    assert (documents["ended"]["ID"], documents["ended"]["Container"]) == (ended, ended)
    for field in ("CPUPerc", "MemPerc", "NetIO", "BlockIO", "PIDs"):
        assert documents["ended"][field] == "--"
    assert pocker.ask("stats", "--no-stream", "--format", "{{.Name}}").split() == ["shared", "own"]
