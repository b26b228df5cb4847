"""`pocker run` in the foreground, with options for what only a supervisor sees to."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess

import pytest

from supervisor.detached import Roster
from tests.integration.cli.pocker import PATIENCE, Pocker, read_until, wait_until

pytestmark = pytest.mark.root

SCRIPT = "echo out; echo err >&2; exit 3"


def test_it_is_restarted_when_its_user_has_gone(pocker: Pocker) -> None:
    """Who is attached sees the first attempt, with errors apart, and has its exit code."""
    ended = pocker.run(
        "run", "--name", "x", "--restart", "on-failure:2", "host", "sh", "-c", SCRIPT
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out\n", "err\n")
    wait_until(lambda: pocker.ask("ps", "-aq", "--filter", "exited=3") != "")
    # They are two pipes: which of them is read first says nothing about the order of writing.
    assert sorted(pocker.ask("logs", "--attempt", "3", "x").splitlines()) == ["err", "out"]


def test_its_input_is_what_comes_in(pocker: Pocker) -> None:
    """Byte for byte, up to the end."""
    data = os.urandom(8 << 20)
    words = ("run", "--rm", "-i", "--log-opt", "max-size=1m", "host", "sha256sum")
    ended = subprocess.run(pocker.command(*words), input=data, capture_output=True, check=True)
    assert ended.stdout.decode() == f"{hashlib.sha256(data).hexdigest()}  -\n"


def test_nothing_is_left_where_it_was_to_be_removed(pocker: Pocker) -> None:
    """But what it wrote has been shown."""
    words = ("run", "--rm", "-v", "/data", "--log-opt", "max-size=1m", "host", "echo", "on")
    assert pocker.stdout(*words) == "on\n"
    assert pocker.ask("ps", "-aq") == ""
    assert pocker.ask("volume", "ls", "-q") == ""


def test_it_goes_in_the_end_also_where_its_user_was_killed(pocker: Pocker) -> None:
    """It goes on until then, as it is its supervisor's."""
    words = ("run", "--rm", "--name", "x", "--log-opt", "max-size=1m", "host")
    process = pocker.start(*words, "sh", "-c", "echo on; exec sleep 1000")
    read_until(process, "on")
    process.kill()
    process.wait()
    roster = Roster.of(pocker.directories.detached)
    wait_until(lambda: all(entry.remove for entry in roster.entries().values()))
    assert pocker.ask("ps", "--format", "{{.Names}}") == "x\n"
    pocker.stdout("stop", "-t", "0", "x")
    wait_until(lambda: pocker.ask("ps", "-aq") == "")


def test_signals_are_passed_on(pocker: Pocker) -> None:
    """And its health is tested."""
    script = "trap 'exit 5' TERM; echo on; while :; do sleep 0.05; done"
    tested = ("--health-cmd", "true", "--health-interval", "50ms")
    process = pocker.start("run", "--name", "x", *tested, "host", "sh", "-c", script)
    read_until(process, "on")
    wait_until(lambda: "(healthy)" in pocker.ask("ps", "--format", "{{.Status}}"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 5


def test_what_could_not_be_seen_is_refused(pocker: Pocker) -> None:
    """And nothing is made."""
    refused = pocker.run("run", "--log-driver", "journald", "host", "cat")
    assert refused.returncode == 125
    assert refused.stderr.startswith("pocker: --log-driver journald: only with -d")
    assert pocker.ask("ps", "-aq") == ""
