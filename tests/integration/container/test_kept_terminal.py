"""A terminal that PID 1 keeps, so that whoever attends to the container may come and go."""

from __future__ import annotations

import os

import pytest
import trio

from runtime.container import Container
from runtime.errors import SpecError
from runtime.spec import Terminal
from tests.integration.container.stage import Stage, end_of, read_line, until

pytestmark = pytest.mark.root

KEPT = Terminal(rows=31, columns=97, kept=True)


def type_at(container: Container, text: str) -> None:
    """Write to the container's input pipe, as one who has just come."""
    fd = os.open(container.directory.stdin, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, text.encode())
    os.close(fd)


async def test_what_is_written_comes_out_of_the_pipe(stage: Stage) -> None:
    """It is a terminal in every respect, and both ends of it are out of the supervisor's hands."""
    script = "tty; stty size; test -t 0 -a -t 2 && echo yes >/dev/tty; exit 3"
    async with stage.started("sh", "-c", script, terminal=KEPT) as container:
        assert container.terminal == -1
        ended = await end_of(container)
    assert ended.stdout.decode() == "/dev/pts/0\r\n31 97\r\nyes\r\n"
    assert ended.code == 3


async def test_nothing_is_lost_at_the_end(stage: Stage) -> None:
    """What a pipe holds no more of is moved on when the command has long ended."""
    script = "seq 30000; sleep 0.01; seq 5"
    async with stage.started("sh", "-c", script, terminal=KEPT) as container:
        ended = await end_of(container)
    assert ended.stdout.decode().split() == [str(n) for n in [*range(1, 30001), *range(1, 6)]]


async def test_it_outlives_who_attends_to_it(stage: Stage) -> None:
    """A shell that nobody is attached to goes on, and takes what the next one types."""
    spec = stage.spec("sh", terminal=KEPT, stdin_open=True, environment={"PS1": ""})
    runtime = stage.runtime
    first = Container.create(spec, runtime.directories, runtime.cgroups, runtime.program)
    await first.start()
    type_at(first, "stty -echo; echo one\n")
    while await read_line(first.stdout) != "one\r":
        pass
    first.release()
    async with runtime.adopted(spec.id) as second:
        type_at(second, "echo two; exit 7\n")
        assert await read_line(second.stdout) == "two\r"
        assert (await end_of(second)).code == 7


async def test_closing_it_costs_nothing(stage: Stage) -> None:
    """While no process has it open PID 1 sleeps, and it can be opened again."""
    script = "exec <&- >&- 2>&-; sleep 0.3; echo back >/dev/tty"
    async with stage.started("sh", "-c", script, terminal=KEPT) as container:
        ended = await end_of(container)
        assert container.usage().cpu_seconds < 0.2
    assert ended.stdout.decode() == "back\r\n"


async def test_a_full_pipe_holds_the_command_up(stage: Stage) -> None:
    """Where nobody reads, nothing is dropped; PID 1 still hears of signals."""
    async with stage.started("yes", terminal=KEPT) as container:
        await until(lambda: os.fstat(container.stdout).st_size == 0)
        with trio.fail_after(10):
            container.signal(15)
            ended = await end_of(container)
    assert ended.exit.signal == 15
    assert ended.stdout.replace(b"y\r\n", b"") in (b"", b"y", b"y\r")


def test_it_needs_a_process_that_keeps_it(stage: Stage) -> None:
    """Without `init` there is none."""
    with pytest.raises(SpecError, match="terminal: cannot be kept without init"):
        stage.spec("sh", terminal=KEPT, init=False)
