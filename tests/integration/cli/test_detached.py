"""`pocker run -d`: containers that a supervisor looks after, which comes and goes by itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, wait_until

pytestmark = pytest.mark.root

LOOP = "echo begun; while :; do sleep 0.1; done"


def status(pocker: Pocker, name: str) -> str:
    """What Docker would call the state of a container; empty where there is none."""
    found = [each["status"] for each in pocker.json("ps", "-a") if each["name"] == name]
    return str(found[0]) if found else ""


def kill_supervisor(pocker: Pocker) -> None:
    """End the supervisor of these containers as only SIGKILL can."""
    own = pocker.directories.detached
    pid = holder(own.state)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: holder(own.state) is None)


def test_a_container_outlives_its_caller_and_its_supervisor(pocker: Pocker) -> None:
    """It is found by name, id and the beginning of its id, before and after the kill."""
    words = ("--name", "web", "-l", "team=etl", "host", "sh", "-c", LOOP)
    identifier = pocker.stdout("run", "-d", *words).strip()
    assert re.fullmatch("[0-9a-f]{12}", identifier)
    (before,) = pocker.json("ps")
    assert (before["name"], before["id"], before["status"]) == ("web", identifier, "running")
    assert pocker.ask("ps", "-q", "--filter", "label=team=etl") == f"{identifier}\n"
    assert pocker.ask("ps", "--filter", "name=db", "--format", "{{.ID}}") == ""
    wait_until(lambda: pocker.ask("logs", identifier[:5]) == "begun\n")
    kill_supervisor(pocker)
    assert pocker.stdout("exec", "web", "hostname") == f"{identifier}\n"
    assert pocker.stdout("start", "web") == "web\n"
    assert holder(pocker.directories.detached.state) is not None
    assert pocker.run("rm", "web").stderr.startswith(
        "pocker: cannot remove container web: it is ru"
    )
    assert pocker.stdout("stop", "-t", "0", "web") == "web\n"
    (after,) = pocker.json("ps", "-a")
    assert (after["status"], after["attempt"], after["reason"]) == ("exited", 1, "Cancelled")
    assert pocker.ask("inspect", "--format", "{{.name}} {{.state}}", "web") == "web cancelled\n"
    assert pocker.stdout("rm", identifier) == f"{identifier}\n"
    assert pocker.json("ps", "-a") == []
    assert list(Path(pocker.directories.detached.state, "logs").iterdir()) == []
    wait_until(lambda: holder(pocker.directories.detached.state) is None)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--restart", "always", "host", "absent"), 127, "command not found: absent"),
        (("host", "/etc/passwd"), 126, "cannot execute /etc/passwd: permission denied"),
        (
            ("-v", "/absent:/a", "host", "true"),
            125,
            "--volume or --mount: source /absent does not exist",
        ),
        (("--restart", "sometimes", "host", "true"), 125, "--restart: "),
        (("--restart", "always", "--rm", "host", "true"), 125, "conflicting options: --restart"),
        (("--health-retries", "3", "host", "true"), 125, "--health-cmd: "),
        (("--pull", "never", "absent", "true"), 125, "image absent: not in the store"),
        (("host",), 125, "command"),
    ],
)
def test_what_cannot_be_started_leaves_nothing(
    pocker: Pocker, words: tuple[str, ...], code: int, message: str
) -> None:
    """Docker's exit code, and one line."""
    ended = pocker.run("run", "-d", *words)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.count("\n") == 1
    assert message in ended.stderr
    assert pocker.json("ps", "-a") == []


def test_names_are_had_by_one(pocker: Pocker, busybox: Path) -> None:
    """Whether it runs or not, until it is removed; then nothing of it is left."""
    first = pocker.stdout("create", "--name", "web", str(busybox), "true").strip()
    refused = pocker.run("run", "-d", "--name", "web", "host", "true")
    assert refused.returncode == 125
    assert f"name web is already in use by container {first}" in refused.stderr
    assert pocker.run("run", "--name", "web", "host", "true").stderr == refused.stderr
    assert status(pocker, "web") == "created"
    assert pocker.run("logs", "web").stderr == "pocker: container web was never started\n"
    pocker.stdout("rm", "web")
    assert os.listdir(pocker.directories.detached.kept_layers) == []
    assert pocker.run("rm", "web").stderr == "pocker: no such container: web\n"
    assert pocker.run("rm", "-f", "web").returncode == 0


def test_started_again_and_again(pocker: Pocker) -> None:
    """Each start is a new run; a supervisor that has ended meanwhile is no loss."""
    pocker.stdout("create", "--name", "c", "host", "sh", "-c", "echo $((1 + 1)); exit 3")
    assert pocker.stdout("start", "c") == "c\n"
    assert pocker.stdout("wait", "c") == "3\n"
    wait_until(lambda: holder(pocker.directories.detached.state) is None)
    pocker.stdout("run", "-d", "--name", "other", "host", "sh", "-c", LOOP)
    pocker.stdout("start", "c")
    assert pocker.stdout("wait", "c") == "3\n"
    pocker.stdout("restart", "-t", "0", "other")
    pocker.stdout("kill", "-s", "TERM", "other")
    assert pocker.stdout("wait", "other") == "143\n"
    pocker.stdout("restart", "other")
    assert pocker.stdout("kill", "other") == "other\n"
    assert [len(each["runs"]) for each in pocker.json_of("inspect", "c", "other")] == [2, 3]
    assert pocker.run("kill", "other").returncode == 1


def test_two_starts_at_once(pocker: Pocker) -> None:
    """Where there is no supervisor each would begin one; one does, and both are started."""
    for name in ("a", "b"):
        pocker.stdout("run", "-d", "--name", name, "host", "true")
    wait_until(lambda: holder(pocker.directories.detached.state) is None)
    starts = [
        subprocess.Popen(pocker.command("start", name), stderr=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    assert [start.communicate()[1] for start in starts] == ["", ""]
    assert [start.returncode for start in starts] == [0, 0]
    wait_until(lambda: holder(pocker.directories.detached.state) is None)
    assert [len(each["runs"]) for each in pocker.json_of("inspect", "a", "b")] == [2, 2]


def test_one_that_cannot_be_read_is_in_no_others_way(pocker: Pocker) -> None:
    """Its entry, or its definition, is told; the others are begun, looked after and removed."""
    pocker.stdout("create", "--name", "bad", "-h", "box", "host", "true")
    pocker.stdout("start", "bad")
    path = Path(pocker.directories.detached.state, "containers.json")
    text = path.read_text().replace('"box"', '"a box"')
    path.write_text(text.replace('"containers": [', '"containers": [{"id": 5},'))
    pocker.stdout("run", "-d", "--name", "good", "host", "sh", "-c", "exit 3")
    assert pocker.stdout("wait", "good") == "3\n"
    refused = pocker.run("start", "bad")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "hostname: 'a box' is not a host name" in refused.stderr
    listed = pocker.run("ps", "-a", "--format", "{{.Names}}")
    assert listed.stdout.split() == ["good", "bad"]
    assert "cannot be read: id is 5" in listed.stderr
    pocker.stdout("rm", "bad", "good")
    assert json.loads(path.read_text())["containers"] == [{"id": 5}]


def test_it_goes_when_it_has_ended(pocker: Pocker) -> None:
    """With --rm, also where the supervisor was killed meanwhile; a failed start is still told."""
    pocker.stdout("run", "-d", "--rm", "host", "true")
    wait_until(lambda: pocker.json("ps", "-a") == [])
    pocker.stdout("run", "-d", "--rm", "--name", "b", "host", "sh", "-c", LOOP)
    assert pocker.run("run", "-d", "--rm", "host", "absent").returncode == 127
    kill_supervisor(pocker)
    pocker.stdout("stop", "-t", "0", "b")
    wait_until(lambda: pocker.json("ps", "-a") == [])


def test_policies_are_kept(pocker: Pocker) -> None:
    """What fails is started again as it was asked for, and what is stopped is not."""
    pocker.stdout(
        "run", "-d", "--name", "a", "--restart", "on-failure:2", "host", "sh", "-c", "exit 5"
    )
    assert pocker.stdout("wait", "a") == "5\n"
    (found,) = pocker.json("ps", "-a")
    assert found["attempt"] == 3
    pocker.stdout(
        "run", "-d", "--name", "b", "--restart", "always", "--health-cmd", "true",
        "--health-interval", "100ms", "host", "sleep", "100",
    )  # fmt: skip
    wait_until(lambda: pocker.json("ps")[0]["health"] == "healthy")
    pocker.stdout("stop", "b")
    assert status(pocker, "b") == "exited"


def test_limits_become_others(pocker: Pocker) -> None:
    """At once where it runs, without a new start, and for later ones; all of them or none."""

    def limits() -> tuple[int, int, int]:
        (load,) = pocker.json("stats", "--no-stream")
        (known,) = pocker.json_of("inspect", "web")
        assert load["memory_limit"] == known["spec"]["limits"]["memory"]
        return known["spec"]["limits"]["memory"], load["pids_limit"], len(known["runs"])

    pocker.stdout("run", "-d", "--name", "web", "-m", "64m", "host", "sh", "-c", LOOP)
    words = ("-m", "128m", "--cpus", "0.5", "--pids-limit", "70", "--restart", "always", "web")
    assert pocker.stdout("update", *words) == "web\n"
    assert limits() == (128 << 20, 70, 1)
    refused = pocker.run("update", "-m", "256m", "--cpuset-cpus", "4095", "web")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("pocker: cannot update container web: cpuset: ")
    kill_supervisor(pocker)
    assert pocker.stdout("update", "--pids-limit", "80", "web") == "web\n"
    assert limits() == (128 << 20, 80, 1)
    (still,) = pocker.json("ps")
    assert still["attempt"] == 1
    pocker.stdout("restart", "-t", "0", "web")
    assert limits() == (128 << 20, 80, 2)
    pocker.stdout("stop", "-t", "0", "web")
    assert pocker.run("update", "-m", "1k", "web").stderr.startswith(
        "pocker: --memory: 1024 bytes is below the minimum"
    )


def test_what_it_writes_is_there_again(pocker: Pocker, busybox: Path) -> None:
    """At each attempt and each start, until it is removed; the image stays as it is."""
    script = "echo x >>/n; wc -l </n; [ $(wc -l </n) -ge 3 ]"
    words = ("--name", "c", "--restart", "on-failure:5", str(busybox), "sh", "-c", script)
    pocker.stdout("run", "-d", *words)
    assert pocker.stdout("wait", "c") == "0\n"
    pocker.stdout("start", "c")
    assert pocker.stdout("wait", "c") == "0\n"
    assert pocker.ask("logs", "c") == "4\n"
    pocker.stdout("rm", "c")
    assert os.listdir(pocker.directories.detached.kept_layers) == []
    assert os.listdir(busybox).count("n") == 0


def test_jobs_and_containers_side_by_side(pocker: Pocker) -> None:
    """Each has its supervisor, and every command finds both."""
    pocker.stdout("up", "-d", pocker.file('[jobs.web]\nimage = "host"\ncommand = "sleep 100"'))
    identifier = pocker.stdout("run", "-d", "--name", "db", "host", "sleep", "100").strip()
    lines = pocker.ask("ps").splitlines()
    assert [line.split()[0] for line in lines if line] == ["JOB", "web", "CONTAINER", identifier]
    assert [each["job"] for each in pocker.json("ps")] == ["web", "db"]
    job = pocker.json("ps")[0]["container"]
    assert pocker.stdout("exec", job[:-2], "echo", "yes") == "yes\n"
    ended = pocker.stdout("stop", "web", "db")
    assert ended == "web: cancelled, killed by SIGTERM; stopped on request\ndb\n"
    assert pocker.ask("info", "--format", "{{.Containers}} {{.ContainersStopped}}") == "1 1\n"
    refused = pocker.run("update", "--cpus", "1", "web")
    assert (refused.returncode, "`pocker reload`" in refused.stderr) == (1, True)
    unknown = pocker.run("logs", "dbb")
    assert unknown.stderr == 'pocker: no such container: dbb; did you mean "db"?\n'
    assert pocker.run("rm", "web").stderr.startswith("pocker: web is a job of `up`")
