"""A command on a terminal of its own, and one that reads what is piped to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from runtime.container import Container
from runtime.errors import StartError
from runtime.spec import Terminal
from tests.integration.container.stage import Stage, end_of, until

pytestmark = pytest.mark.root


async def read_terminal(container: Container) -> bytes:
    """All that is written to a terminal until its last user has gone."""
    content = bytearray()
    while True:
        await trio.lowlevel.wait_readable(container.terminal)
        try:
            content += os.read(container.terminal, 65536)
        except OSError:  # EIO: nobody has the other side open any more
            return bytes(content)


async def read_until(container: Container, text: str) -> str:
    """Read on until this text has come."""
    content = b""
    with trio.fail_after(10):
        while text.encode() not in content:
            await trio.lowlevel.wait_readable(container.terminal)
            content += os.read(container.terminal, 65536)
    return content.decode()


@asynccontextmanager
async def shell(stage: Stage, *, init: bool) -> AsyncIterator[Container]:
    """An interactive shell on a terminal, behind its first prompt."""
    async with stage.started(
        "sh", terminal=Terminal(rows=31, columns=97), environment={"PS1": "ready> "}, init=init
    ) as container:
        await read_until(container, "ready> ")
        yield container


@pytest.mark.parametrize("init", [True, False])
async def test_all_three_streams_are_one_terminal_of_the_size_asked_for(
    stage: Stage, init: bool
) -> None:
    """It has the size before the command can look, and is its controlling terminal."""
    script = "tty; tty <&2; stty size; echo out >/dev/tty; echo $TERM; test -t 1 && echo yes"
    size = Terminal(rows=31, columns=97)
    async with stage.started("sh", "-c", script, terminal=size, init=init) as container:
        lines = (await read_terminal(container)).decode().split("\r\n")
        assert lines == ["/dev/pts/0", "/dev/pts/0", "31 97", "out", "xterm", "yes", ""]
        assert (await container.wait()).code == 0


async def test_the_console_is_the_same_terminal(stage: Stage) -> None:
    """What is written there is seen by the operator."""
    script = "echo hello >/dev/console; stat -c '%t:%T' /dev/console /dev/pts/0"
    async with stage.started("sh", "-c", script, terminal=Terminal()) as container:
        assert (await read_terminal(container)).decode().split() == ["hello", "88:0", "88:0"]


async def test_the_terminal_belongs_to_the_commands_user(stage: Stage) -> None:
    """So that it may open it again; others may only write to it, as group tty."""
    script = "echo again >$(tty); stat -c '%u:%g %a' $(tty)"
    async with stage.started(
        "sh", "-c", script, terminal=Terminal(), user="4711:4712"
    ) as container:
        assert (await read_terminal(container)).decode().split() == ["again", "4711:5", "620"]


@pytest.mark.parametrize("init", [True, False])
async def test_a_shell_has_job_control(stage: Stage, init: bool) -> None:
    """Ctrl-Z stops what is in the foreground, `fg` goes on with it, Ctrl-C ends it."""
    async with shell(stage, init=init) as container:
        os.write(container.terminal, b"sh -c 'while read x; do echo got-$x; done'\n")
        os.write(container.terminal, b"one\n")
        await read_until(container, "got-one")
        os.write(container.terminal, b"\x1a")
        assert "Stopped" in await read_until(container, "ready> ")
        os.write(container.terminal, b"fg\ntwo\n")
        await read_until(container, "got-two")
        os.write(container.terminal, b"\x03")
        await read_until(container, "ready> ")
        os.write(container.terminal, b"echo $?; exit 7\n")
        await read_until(container, "130")
        await read_terminal(container)
        assert (await container.wait()).code == 7


async def test_a_new_size_is_told_to_the_command(stage: Stage) -> None:
    """By SIGWINCH to what is in the foreground."""
    script = "trap 'stty size; exit' WINCH; echo begun; while :; do sleep 0.01; done"
    async with stage.started("sh", "-c", script, terminal=Terminal()) as container:
        await read_until(container, "begun")
        fcntl.ioctl(container.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 22, 0, 0))
        await read_until(container, "11 22")


async def test_who_lets_go_of_the_terminal_hangs_up(stage: Stage) -> None:
    """A shell whose operator has died does not stay behind, and with it goes what it started."""
    async with shell(stage, init=True) as container:
        os.close(container.terminal)
        container.terminal = -1
        with trio.fail_after(10):
            assert (await container.wait()).signal == 1


async def test_no_terminal_of_the_host_comes_in(stage: Stage) -> None:
    """It is in the container's own devpts, and there is no other in there."""
    script = "ls /dev/pts; stat -c %i /dev/pts"
    async with stage.started("sh", "-c", script, terminal=Terminal()) as container:
        words = (await read_terminal(container)).decode().split()
        assert words[:2] == ["0", "ptmx"]
        master = os.fstat(container.terminal)
        assert stat.S_ISCHR(master.st_mode)
        assert master.st_dev != os.stat("/dev/pts").st_dev


async def test_a_container_without_a_terminal_cannot_reach_one(stage: Stage) -> None:
    """Whatever terminal the supervisor was started on."""
    script = "test -e /dev/console; echo $?; (true </dev/tty) 2>/dev/null || echo none"
    assert (await stage.run("sh", "-c", script)).lines == ["1", "none"]


async def test_a_failed_start_leaves_no_descriptor(stage: Stage) -> None:
    """Our side of a terminal or pipe goes with the container."""
    await stage.run("true")  # opens what all containers share
    before = sorted(os.listdir("/proc/self/fd"))
    for changes in ({"terminal": Terminal()}, {"stdin": True}):
        with pytest.raises(StartError, match="command not found"):
            await stage.run("absent", **changes)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("user", ["0", "4711"])
async def test_input_arrives_byte_for_byte(stage: Stage, user: str) -> None:
    """Every byte in its place, and the end after the last."""
    content = bytes(range(256)) * 20_000
    async with (
        stage.started("sha256sum", stdin=True, user=user) as container,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_write, container, content)
        ended = await end_of(container)
    assert ended.text.split()[0] == hashlib.sha256(content).hexdigest()


async def _write(container: Container, content: bytes) -> None:
    while content:
        await trio.lowlevel.wait_writable(container.stdin)
        content = content[os.write(container.stdin, content) :]
    container.close_stdin()


async def test_input_can_be_opened_again(stage: Stage) -> None:
    """Also by a user who is not root."""
    async with stage.started("cat", "/dev/stdin", stdin=True, user="4711") as container:
        os.write(container.stdin, b"hello")
        container.close_stdin()
        assert (await end_of(container)).text == "hello"


async def test_without_input_there_is_nothing_to_read(stage: Stage) -> None:
    """A command that reads comes to the end at once."""
    assert (await stage.run("cat")).text == ""


async def test_input_that_nobody_reads_is_no_reason_to_stay(stage: Stage) -> None:
    """The writer is told by a broken pipe when the container has ended."""
    async with stage.started("true", stdin=True) as container:
        await container.wait()
        await until(lambda: _is_broken(container.stdin))


def _is_broken(pipe: int) -> bool:
    try:
        os.write(pipe, b"x")
    except BrokenPipeError:
        return True
    return False
