"""A user at a container of `run -d`, who comes and goes."""

from __future__ import annotations

import signal
import subprocess
import termios

import pytest

from tests.integration.cli.pocker import PATIENCE, Pocker, read_until, wait_until
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


def test_the_end_of_what_comes_in_is_that_of_its_input(pocker: Pocker) -> None:
    """Where it was started for that, each time anew."""
    pocker.stdout("create", "-i", "--name", "c", "host", "sh", "-c", "cat; cat /dev/stdin; exit 3")
    for word in ("one", "two"):
        ended = subprocess.run(
            pocker.command("start", "-ai", "c"),
            check=False,
            input=word,
            capture_output=True,
            text=True,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (3, word, "")


def test_its_input_ends_where_who_started_it_is_killed(pocker: Pocker) -> None:
    """Nobody else would come to end it."""
    pocker.stdout("create", "-i", "--name", "c", "host", "cat")
    process = pocker.start("start", "-ai", "c", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("on\n")
    process.stdin.flush()
    read_until(process, "on")
    process.kill()
    process.wait()
    wait_until(lambda: pocker.ask("ps", "-q") == "")
    assert pocker.ask("ps", "-aq", "--filter", "exited=0") != ""


def test_later_comers_leave_its_input_open(pocker: Pocker) -> None:
    """And it to itself, unless it is to have their signals."""
    pocker.stdout("run", "-id", "--name", "c", "host", "cat")
    for word in ("one\n", "two\n"):
        process = pocker.start("attach", "--sig-proxy=false", "c", stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(word)
        process.stdin.close()
        process.stdin = None
        assert read_until(process, word.strip())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert pocker.ask("ps", "--format", "{{.Names}}") == "c\n"
    process = pocker.start("attach", "c", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("three\n")
    process.stdin.flush()
    assert read_until(process, "three")
    process.send_signal(signal.SIGHUP)
    assert process.wait(PATIENCE) == 129


def test_signals_are_passed_on_and_the_third_leaves_it(pocker: Pocker) -> None:
    """What it does about them is its own business."""
    script = "trap 'echo hup' HUP; trap 'echo int' INT; echo on; while :; do sleep 0.02; done"
    pocker.stdout("create", "--name", "c", "host", "sh", "-c", script)
    process = pocker.start("start", "-a", "c")
    read_until(process, "on")
    process.send_signal(signal.SIGHUP)
    read_until(process, "hup")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        read_until(process, "int")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert pocker.ask("ps", "--format", "{{.Names}}") == "c\n"
