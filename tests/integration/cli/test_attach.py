"""A user at a container of `run -d`, who comes and goes."""

from __future__ import annotations

import termios

import pytest

from tests.integration.cli.pocker import Pocker
from tests.integration.cli.screen import screen
from tests.supervisor.cli.calling import call

pytestmark = pytest.mark.root


def test_a_shell_is_left_and_taken_up_again(pocker: Pocker) -> None:
    """It has the size of whoever is there, and its code is that of the attached command."""
    pocker.stdout("run", "-itd", "--name", "t", "-e", "PS1=", "host", "sh")
    command = ["setsid", "--ctty", *pocker.command("attach", "t")]
    with screen(command, rows=31, columns=97, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        shell.type("word=kept; stty size\n")
        shell.read_until("\n31 97\n")
        shell.resize(11, 55)
        shell.type("sleep 0.1; stty size\n")
        shell.read_until("\n11 55\n")
        shell.type("\x10\x11")
        assert shell.finish() == 0
    with screen(command, rows=24, columns=80, environment={}) as shell:
        shell.type("echo still-$word; exit 7\n")
        shell.read_until("\nstill-kept\n")
        assert shell.process.wait() == 7
        assert termios.tcgetattr(shell.terminal) == before
    refused = pocker.run("attach", "t")
    assert refused.stderr == "pocker: cannot attach to container t: it is not running\n"


def test_what_can_be_done_with_one_that_runs(pocker: Pocker) -> None:
    """It stands still while it is paused, has another name, and its processes are seen."""
    directories = pocker.directories
    script = "while :; do echo on; sleep 0.1; done"
    pocker.stdout("run", "-d", "--name", "c", "host", "sh", "-c", script)
    assert pocker.ask("pause", "c") == "c\n"
    assert pocker.json("ps")[0]["status"] == "paused"
    assert pocker.ask("unpause", "c") == "c\n"
    assert pocker.json("ps")[0]["status"] == "running"
    assert f"sh -c {script}" in pocker.ask("top", "c")
    assert pocker.ask("rename", "c", "d") == ""
    places = ("--root", directories.root, "--state", directories.state)
    assert call(*places, "rename", "d", "a/b").stderr.startswith("pocker: rename d: 'a/b' is not a")
    attached = pocker.start("attach", "d")
    assert attached.stdout is not None
    assert attached.stdout.readline() == "on\n"
    assert pocker.ask("kill", "-s", "USR2", "d") == "d\n"
    assert attached.wait() == 140
    refused = call(*places, "pause", "d")
    assert refused.stderr == "pocker: cannot pause container d: it is not running\n"
