"""A `pocker run` in the foreground, as others see it and deal with it."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, read_until, wait_until
from tests.supervisor.cli.calling import call

pytestmark = pytest.mark.root

SCRIPT = "trap 'exit 5' TERM; trap 'echo two' USR2; echo one; while :; do sleep 0.05; done"


@pytest.fixture
def attended(pocker: Pocker) -> Pocker:
    """Give a program with a container `x` that runs in the foreground."""
    process = pocker.start("run", "--name", "x", "--label", "a=b", "host", "sh", "-c", SCRIPT)
    read_until(process, "one")
    return pocker


def test_it_is_seen(attended: Pocker) -> None:
    """Beside those of `run -d`, with all that is known of it."""
    (row,) = attended.json("ps")
    assert (row["name"], row["image"], row["status"]) == ("x", "host", "running")
    assert row["labels"] == {"a": "b"}
    assert row["memory"] > 0
    (document,) = json.loads(attended.ask("inspect", "x"))
    assert document["State"]["Status"] == "running"
    assert document["State"]["Pid"] == row["pid"] > 0
    assert f"sh -c {SCRIPT}" in attended.ask("top", "x")
    assert attended.stdout("exec", row["id"][:5], "hostname") == f"{row['id']}\n"
    assert attended.ask("stop", "x") == "x\n"
    assert attended.json("ps") == []


def test_it_can_be_asked_for_anything(attended: Pocker) -> None:
    """Signals, a pause, an end; it is whoever attends to it that removes it."""
    process = attended.started[-1]
    assert attended.ask("kill", "-s", "USR2", "x") == "x\n"
    read_until(process, "two")
    assert attended.ask("pause", "x") == "x\n"
    assert attended.ask("ps", "--format", "{{.Status}}").endswith(" (Paused)\n")
    assert attended.ask("unpause", "x") == "x\n"
    waiting = attended.start("wait", "x")
    wait_until(lambda: has_pidfd(waiting.pid))
    assert attended.ask("stop", "x") == "x\n"
    assert (process.wait(), waiting.communicate()[0]) == (5, "5\n")
    assert os.listdir(attended.directories.detached.containers) == []


def has_pidfd(pid: int) -> bool:
    """Whether a process holds another, as those do that wait for its end."""
    with suppress(FileNotFoundError):
        return any("pidfd" in os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_it_is_killed_and_removed_at_once(attended: Pocker) -> None:
    """By kill, or by rm with force, and not by rm without."""
    directories = attended.directories
    places = ("--root", directories.root, "--state", directories.state)
    refused = call(*places, "rm", "x")
    assert refused.stderr == (
        "pocker: cannot remove container x: it is running: stop it first, or use -f\n"
    )
    assert attended.ask("rm", "-f", "x") == "x\n"
    assert attended.started[-1].wait() == 137
    assert os.listdir(directories.detached.containers) == []


@pytest.mark.parametrize("words", [("logs",), ("attach",), ("rename", "y"), ("update", "-m", "1g")])
def test_some_things_only_its_run_knows(attended: Pocker, words: tuple[str, ...]) -> None:
    """And whoever asks is told so."""
    directories = attended.directories
    places = ("--root", directories.root, "--state", directories.state)
    command, *rest = words
    options, operands = (rest, ["x"]) if command == "update" else ([], ["x", *rest])
    refused = call(*places, command, *options, *operands)
    assert refused.code == 1
    assert refused.stderr == "pocker: container x is that of a `pocker run` in the foreground\n"
    attended.ask("kill", "x")


def test_its_name_is_in_use(attended: Pocker) -> None:
    """For whoever wants it, in whatever way."""
    for words in (("run", "--name", "x"), ("run", "-d", "--name", "x"), ("create", "--name", "x")):
        refused = attended.run(*words, "host", "true")
        assert refused.returncode == 125
        assert "the container name x is already in use" in refused.stderr
    attended.stdout("create", "--name", "y", "host", "true")
    assert "already in use" in attended.run("rename", "y", "x").stderr
    attended.stdout("rm", "y")
    attended.ask("kill", "x")


@pytest.mark.parametrize("next_one", ["run", "up"])
def test_what_everybody_left_is_removed_by_the_next(attended: Pocker, next_one: str) -> None:
    """The client, and who would have cleaned up after it, are killed."""
    process = attended.started[-1]
    (carer,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[:1]
    for pid in (int(carer), process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    own = attended.directories.detached
    assert len(os.listdir(own.containers)) == 1
    wait_until(lambda: attended.json("ps") == [])
    if next_one == "run":
        attended.stdout("run", "host", "true")
    else:
        file = attended.file('[jobs.a]\nimage = "host"\ncommand = "true"')
        assert attended.run("up", file).returncode == 0
    assert os.listdir(own.containers) == []
    assert os.listdir(f"{own.root}/attended") == []
