"""The user of `run -it` or `exec -it` leaves by ctrl-p ctrl-q, and all goes on without him."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from runtime.container import Runtime
from supervisor.detached import Roster
from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, wait_until
from tests.integration.cli.screen import Screen, screen

pytestmark = pytest.mark.root

KEYS = "\x10\x11"


@pytest.fixture(params=["alone", "beside a supervisor"])
def stocked(request: pytest.FixtureRequest, pocker: Pocker, root_archive: str) -> Pocker:
    """Give a program with an image `box`; beside a supervisor a fork of the server's does it."""
    pocker.stdout("import", root_archive, "box")
    if request.param != "alone":
        pocker.stdout("run", "-d", "--name", "kept", "host", "sleep", "10000")
    return pocker


@contextmanager
def shell(pocker: Pocker, *words: str) -> Iterator[Screen]:
    """A command on a terminal that is its session's."""
    command = ["setsid", "--ctty", *pocker.command(*words)]
    with screen(command, rows=31, columns=97, environment={}) as shown:
        yield shown


def leave(pocker: Pocker, *options: str, keys: str = KEYS) -> None:
    """Start a shell in a container `x`, give it a variable, and leave it."""
    words = ("run", "-it", "--name", "x", "-e", "PS1=> ", *options, "box", "sh")
    with shell(pocker, *words) as shown:
        before = termios.tcgetattr(shown.terminal)
        shown.read_until("> ")
        shown.type("word=kept; echo made > /made; echo $((40 + 2))\r")
        shown.read_until("\n42\n> ")
        assert termios.tcgetattr(shown.terminal) != before
        shown.type(keys)
        assert shown.finish() == 0
        assert termios.tcgetattr(shown.terminal) == before


def come_back(pocker: Pocker, ending: str) -> int:
    """Attach to it, see that it is the same shell, and end it; returns the exit code."""
    with shell(pocker, "attach", "x") as shown:
        shown.type("stty size; echo still-$word\r")
        shown.read_until("\n31 97\nstill-kept\n")
        shown.type(f"{ending}\r")
        return shown.finish()


def state_of(pocker: Pocker, name: str = "x") -> str:
    """Docker's word and the exit code."""
    return pocker.ask("ps", "-a", "--filter", f"name={name}", "--format", "{{.Status}}").strip()


def test_a_shell_is_left_to_a_supervisor(stocked: Pocker) -> None:
    """It is the same as if `run -d` had made it, and still the first process of its container."""
    leave(stocked)
    assert state_of(stocked).startswith("Up ")
    assert stocked.stdout("exec", "x", "cat", "/proc/1/cmdline") == "sh\0"
    assert stocked.stdout("exec", "x", "cat", "/made") == "made\n"
    assert come_back(stocked, "exit 7") == 7
    assert state_of(stocked).startswith("Exited (7) ")
    assert "still-kept" in stocked.ask("logs", "x")
    stocked.stdout("start", "x")
    assert stocked.stdout("exec", "x", "cat", "/made") == "made\n"
    stocked.stdout("rm", "-f", "x")


@pytest.mark.parametrize("init", [(), ("--init",)])
def test_its_end_is_known_whoever_looks_on(stocked: Pocker, init: tuple[str, ...]) -> None:
    """No supervisor is there when it ends, and its exit code and last words are not lost."""
    leave(stocked, *init)
    own = stocked.directories.detached
    supervisor = holder(own.state)
    (container,) = [
        entry.container for entry in Roster.of(own).entries().values() if entry.name == "x"
    ]
    assert supervisor is not None
    assert container is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: holder(own.state) is None)
    pipe = own.container(container).stdin
    Path(pipe).write_text("echo last-$word; exit 9\r")
    stocked.stdout("start", "x")  # which brings a supervisor back, too
    wait_until(lambda: state_of(stocked).startswith("Exited (9) "))
    assert "last-kept" in stocked.ask("logs", "x")


def _forget(pocker: Pocker) -> str:
    """Be as if no supervisor had taken it up yet; returns the container's id in the runtime."""
    own = pocker.directories.detached
    supervisor = holder(own.state)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: holder(own.state) is None)
    for path in Path(own.state).glob("state.db*"):
        path.unlink()
    (container,) = [
        entry.container for entry in Roster.of(own).entries().values() if entry.name == "x"
    ]
    assert container is not None
    Path(own.container(container).document).unlink(missing_ok=True)
    return container


def test_it_runs_also_before_a_supervisor_knows_of_it(pocker: Pocker, root_archive: str) -> None:
    """So it is not removed without force; who stops it has it taken up first."""
    pocker.stdout("import", root_archive, "box")
    leave(pocker)
    _forget(pocker)
    assert pocker.stdout("exec", "x", "echo", "on") == "on\n"
    refused = pocker.run("rm", "x")
    assert "cannot remove container x: it is running" in refused.stderr
    assert pocker.stdout("stop", "-t", "0", "x") == "x\n"
    assert state_of(pocker).startswith("Exited (137) ")


def test_who_leaves_while_a_supervisor_ends_leaves_to_the_next(
    pocker: Pocker, root_archive: str
) -> None:
    """The one that ends does not take the container for what is left of one."""
    pocker.stdout("import", root_archive, "box")
    script = "trap '' TERM; echo on; while :; do sleep 0.1; done"
    slow = ("run", "-d", "--name", "slow", "--stop-timeout", "2", "host", "sh", "-c", script)
    pocker.stdout(*slow)
    wait_until(lambda: pocker.ask("logs", "slow") == "on\n")
    supervisor = holder(pocker.directories.detached.state)
    assert supervisor is not None
    with shell(pocker, "run", "-it", "--name", "x", "-e", "PS1=> ", "box", "sh") as shown:
        shown.read_until("> ")
        shown.type("word=kept; echo $((40 + 2))\r")
        shown.read_until("\n42\n> ")
        os.kill(supervisor, signal.SIGTERM)
        shown.type(KEYS)
        assert shown.finish() == 0
    assert holder(pocker.directories.detached.state) not in (None, supervisor)
    assert come_back(pocker, "exit 7") == 7


def test_what_went_before_a_supervisor_knew_of_it_is_lost(
    pocker: Pocker, root_archive: str
) -> None:
    """Nobody can say how it ended, and its command is not run another time."""
    pocker.stdout("import", root_archive, "box")
    leave(pocker, "-v", f"{pocker.top}:/out", "-e", "ENV=/out/profile")
    (pocker.top / "profile").write_text("echo again >> /out/ran\n")
    container = _forget(pocker)

    async def remove() -> None:
        runtime = Runtime.open(pocker.directories.detached)
        async with runtime.adopted(container):
            pass
        runtime.close()

    trio.run(remove)
    serve = pocker.start("serve")
    assert serve.wait() == 0
    (run,) = pocker.json("history", "x")
    assert run["reason"] == "Lost"
    assert not (pocker.top / "ran").exists()


def test_what_was_to_be_removed_is_removed(stocked: Pocker) -> None:
    """With --rm, when it has ended: its volumes as well, and nothing of it is left."""
    leave(stocked, "--rm", "-v", "/data", "--detach-keys", "ctrl-x,q", keys="\x18q")
    assert len(stocked.ask("volume", "ls", "-q").splitlines()) == 1
    assert come_back(stocked, "exit 3") == 3
    wait_until(lambda: state_of(stocked) == "")
    wait_until(lambda: stocked.ask("volume", "ls", "-q") == "")
    assert "x" not in stocked.ask("ps", "-a", "--format", "{{.Names}}").split()


def test_what_was_not_to_be_removed_keeps_its_volumes(stocked: Pocker) -> None:
    """They are its own until it is removed with them."""
    leave(stocked, "-v", "/data")
    stocked.stdout("exec", "x", "sh", "-c", "echo kept > /data/file")
    assert come_back(stocked, "exit") == 0
    stocked.stdout("start", "x")
    assert stocked.stdout("exec", "x", "cat", "/data/file") == "kept\n"
    stocked.stdout("rm", "-f", "-v", "x")
    assert stocked.ask("volume", "ls", "-q") == ""


def test_it_can_be_stopped_and_killed(stocked: Pocker) -> None:
    """A shell that is the first process lets SIGTERM pass, and is killed when its time is over."""
    leave(stocked)
    stocked.stdout("stop", "-t", "0.2", "x")
    assert state_of(stocked).startswith("Exited (137) ")
    stocked.stdout("rm", "x")
    leave(stocked, "--rm")
    stocked.stdout("kill", "x")
    wait_until(lambda: state_of(stocked) == "")


def test_a_command_that_joined_is_left(stocked: Pocker) -> None:
    """It goes on in its container, whose log it never was in, until that ends."""
    stocked.stdout("run", "-d", "--name", "c", "box", "sleep", "10000")
    with shell(stocked, "exec", "-it", "-e", "PS1=> ", "c", "sh") as shown:
        shown.read_until("> ")
        shown.type("while sleep 0.1; do echo on; echo on >> /log; done\r")
        shown.read_until("\non\n")
        shown.type(KEYS)
        assert shown.finish() == 0
    length = len(stocked.stdout("exec", "c", "cat", "/log"))
    wait_until(lambda: len(stocked.stdout("exec", "c", "cat", "/log")) > length)
    assert stocked.ask("logs", "c") == ""
    stocked.stdout("rm", "-f", "c")


def test_other_keys_are_the_commands(stocked: Pocker) -> None:
    """Ctrl-p alone, and all of them without a terminal or without input."""
    script = "stty raw -echo; echo ready; dd bs=1 count=2 | od -c"
    with shell(stocked, "run", "-it", "box", "sh", "-c", script) as it:
        it.read_until("ready")
        it.type("\x10a")
        it.read_until("020   a")
        assert it.finish() == 0


def test_bad_keys_are_refused(pocker: Pocker) -> None:
    """As a mistake on the command line."""
    refused = pocker.run("run", "-it", "--detach-keys", "ctrl-1", "host", "true")
    assert refused.returncode == 125
    assert "'ctrl-1' is neither a character nor ctrl- with" in refused.stderr
