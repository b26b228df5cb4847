"""Lines on stdout while jobs run: prefixed, never in each other's way, never in the jobs' way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from supervisor.cli.echo import PATIENCE, Echo
from supervisor.job import JobRun
from supervisor.logs import LineSink
from supervisor.scheduler import Scheduler
from supervisor.service import Service

PIPE_SIZE = 64 * 1024


class Pipe:
    """Both ends of a pipe, and what to close in the end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fill(self) -> None:
        """Leave no room in it."""
        os.write(self.writer, b"x" * PIPE_SIZE)

    def hang_up(self) -> None:
        """Let the reader go."""
        os.close(self.reader)
        self.reader = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a pipe to write to."""
    made = Pipe()
    yield made
    for descriptor in (made.reader, made.writer):
        if descriptor >= 0:
            os.close(descriptor)


def sink_of(echo: Echo, job: str) -> LineSink:
    """What takes the lines of a job."""
    assert echo.watcher.sink is not None
    return echo.watcher.sink(job)


async def test_lines_stand_behind_the_aligned_names_of_their_jobs(pipe: Pipe) -> None:
    """The bytes of a line are not touched."""
    echo = Echo(pipe.writer, ["a", "long"], terminal=False)
    await sink_of(echo, "a")("stdout", [b"one", b"\x1b[1m\xff"])
    await sink_of(echo, "long")("stderr", [b"two"])
    assert os.read(pipe.reader, 99) == b"a    | one\na    | \x1b[1m\xff\nlong | two\n"


async def test_a_terminal_gets_harmless_lines(pipe: Pipe) -> None:
    """On a terminal without a live table, what would act on it is shown as text."""
    echo = Echo(pipe.writer, ["a"], terminal=True)
    await sink_of(echo, "a")("stdout", [b"\x1b[2J"])
    assert os.read(pipe.reader, 99) == b"a | \\x1b[2J\n"


async def test_who_does_not_read_holds_up_the_line(pipe: Pipe) -> None:
    """Nothing is dropped and nothing is torn, however slowly it is read."""
    echo = Echo(pipe.writer, ["a", "b"], terminal=False)
    lines = [b"%d" % number + b"." * 500 for number in range(400)]
    got = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sink_of(echo, "a"), "stdout", lines)
        nursery.start_soon(sink_of(echo, "b"), "stdout", lines)
        await trio.testing.wait_all_tasks_blocked()
        while nursery.child_tasks:
            got += os.read(pipe.reader, 1000)
            await trio.lowlevel.checkpoint()
    os.set_blocking(pipe.reader, False)
    while len(got) < 2 * sum(len(line) + 5 for line in lines):
        got += os.read(pipe.reader, PIPE_SIZE)
    for job in (b"a | ", b"b | "):
        shown = [line[4:] for line in got.splitlines() if line.startswith(job)]
        assert shown == lines


async def test_lines_are_whole_where_others_write_to_the_same_pipe(pipe: Pipe) -> None:
    """As `2>&1` makes it: what somebody else writes comes between lines, never inside one."""
    echo = Echo(pipe.writer, ["a"], terminal=False)
    got = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sink_of(echo, "a"), "stdout", [b"." * 995] * 200)
        while nursery.child_tasks:
            await trio.testing.wait_all_tasks_blocked()
            os.write(pipe.writer, b"another\n")
            got += os.read(pipe.reader, PIPE_SIZE)
    assert set(bytes(got).splitlines()) == {b"another", b"a | " + b"." * 995}


async def test_who_has_gone_holds_up_nothing(pipe: Pipe) -> None:
    """The echo ends, once and for all, and says so once."""
    echo = Echo(pipe.writer, ["a"], terminal=False)
    pipe.hang_up()
    with capture_logs() as said:
        await sink_of(echo, "a")("stdout", [b"one"])
        await sink_of(echo, "a")("stdout", [b"two"])
    assert [(entry["event"], entry["cause"]) for entry in said] == [
        ("output is no longer shown, the jobs go on", "broken pipe")
    ]


async def test_who_goes_while_he_is_waited_for_holds_up_nothing(pipe: Pipe) -> None:
    """A full pipe whose reader goes is like one whose reader has gone."""
    echo = Echo(pipe.writer, ["a"], terminal=False)
    pipe.fill()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sink_of(echo, "a"), "stdout", [b"one"])
            await trio.testing.wait_all_tasks_blocked()
            pipe.hang_up()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_end_is_not_held_up(
    pipe: Pipe, when: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Once everything is to end, who reads nothing is given a moment and no more."""
    echo = Echo(pipe.writer, ["a"], terminal=False)
    pipe.fill()
    no_runs: dict[str, JobRun] = {}
    scheduler = Scheduler(runs=no_runs, shutdown_timeout=1)
    service = cast(Service, SimpleNamespace(scheduler=scheduler))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo.show, service)
        if when == "before":
            scheduler.shut_down()
            await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(sink_of(echo, "a"), "stdout", [b"one"])
        await trio.testing.wait_all_tasks_blocked()
        scheduler.shut_down()
    assert trio.current_time() == pytest.approx(PATIENCE, abs=0.01)


async def test_a_file_is_written_to_as_well(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What cannot be waited for, because it is always ready, is simply written."""
    path = tmp_path_factory.mktemp("echo") / "out"
    with path.open("wb") as file:
        echo = Echo(file.fileno(), ["a"], terminal=False)
        await sink_of(echo, "a")("stdout", [b"y" * 100_000])
    assert path.read_bytes() == b"a | " + b"y" * 100_000 + b"\n"
