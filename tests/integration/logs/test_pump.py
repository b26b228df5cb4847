"""The tasks that move output into logs: to end-of-file, fairly, and in bounded memory."""

from __future__ import annotations

import fcntl
import os
import sys
import tracemalloc
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

from supervisor.logs import (
    LineSink,
    LogDestination,
    LogLimits,
    LogLossCounted,
    LogOrigin,
    LogQuery,
    LogWriteFailed,
    Stream,
    pump_stream,
    read_log,
)
from supervisor.logs.destination import PATIENCE, TURN
from supervisor.logs.journald import JournaldWriter
from supervisor.logs.pace import BURST
from tests.integration.logs.journal import FakeJournal
from tests.integration.logs.scene import Scene, scene_in, start

pytestmark = pytest.mark.trio


async def _pump(
    pipe: int, destination: LogDestination, ending: trio.Event, sink: LineSink | None = None
) -> None:
    await pump_stream(pipe, destination, "stdout", ending=ending, sink=sink)


async def test_a_stream_is_pumped_to_its_end(scene: Scene) -> None:
    """What was in the pipe when the last writer left is in the log when the task ends."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    script = "import os\nfor n in range(20_000): os.write(1, b'line %d\\n' % n)\nos.write(1, b'x')"
    with scene.writer() as writer:
        job = start([sys.executable, "-c", script], write_end)
        os.close(write_end)
        await pump_stream(read_end, writer, "stdout", ending=trio.Event())
        os.close(read_end)
        assert job.wait() == 0
    expected = b"".join(b"line %d\n" % number for number in range(20_000)) + b"x"
    assert scene.text() == expected


async def test_a_fifo_is_pumped(scene: Scene, tmp_path: Path) -> None:
    """A named pipe that is opened again, as after a restart, gives what it holds."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(writing, b"while nobody read\n")
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.close(keeper)
    os.close(writing)
    with scene.writer() as writer:
        await pump_stream(reading, writer, "stdout", ending=trio.Event())
    os.close(reading)
    assert scene.text() == b"while nobody read\n"


async def test_a_flood_does_not_starve_the_others(tmp_path: Path) -> None:
    """While jobs write without end, a quiet one is served and the supervisor goes on."""
    with ExitStack() as stack:
        async with trio.open_nursery() as nursery:
            for number in range(3):
                scene = stack.enter_context(scene_in(tmp_path / str(number)))
                writer = stack.enter_context(scene.writer(LogLimits(max_files=2)))
                read_end, write_end = scene.pipe("stdout")
                flood = start(["yes", "a flood of lines"], write_end)
                stack.callback(flood.wait)
                stack.callback(flood.kill)
                nursery.start_soon(_pump, read_end, writer, trio.Event())
            quiet = stack.enter_context(scene_in(tmp_path / "quiet"))
            writer = stack.enter_context(quiet.writer())
            read_end, write_end = quiet.pipe("stdout")
            nursery.start_soon(_pump, read_end, writer, trio.Event())
            for number in range(20):
                os.write(write_end, b"%d\n" % number)
                with trio.fail_after(5):
                    while not quiet.text().endswith(b"%d\n" % number):
                        await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def test_a_turn_is_bounded(scene: Scene) -> None:
    """However much a large pipe holds, other tasks run while it is emptied."""
    _, write_end = scene.pipe("stdout")
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4 * TURN)
    assert os.write(write_end, b"a line of text\n" * (4 * TURN // 15)) > 3 * TURN
    seen = set()
    with scene.writer() as writer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, scene.hang_up("stdout"), writer, trio.Event())
            while nursery.child_tasks:
                seen.add(sum(scene.sizes().values()))
                await trio.lowlevel.checkpoint()
    assert any(0 < size < sum(scene.sizes().values()) for size in seen)


async def test_a_long_line_needs_little_memory(scene: Scene) -> None:
    """64 MiB without a newline are split, rotated, and never held."""
    size = 64 * 1024 * 1024
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    tracemalloc.start()
    with scene.writer(LogLimits(max_files=10)) as writer:
        job = start(["head", "-c", str(size), "/dev/zero"], write_end)
        os.close(write_end)
        await pump_stream(read_end, writer, "stdout", ending=trio.Event())
        os.close(read_end)
        assert job.wait() == 0
    counted = sum(
        len(record.message) for record in read_log(scene.directory, LogQuery())
        if record.partial and not record.message.strip(b"\0")
    )  # fmt: skip
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted == size
    assert peak < 4 * 1024 * 1024


async def test_a_chatty_job_is_not_held_up_at_its_end(
    scene: Scene, mock_clock: trio.testing.MockClock
) -> None:
    """The pause that lets lines gather is cut short when the job is over."""
    read_end, write_end = scene.pipe("stdout")
    ending = trio.Event()
    with scene.writer() as writer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, read_end, writer, ending)
            written = 0
            while scene.text().count(b"\n") == written < 3 * BURST:
                os.write(write_end, b"%d\n" % written)
                written += 1
                mock_clock.jump(0.005)
                await trio.testing.wait_all_tasks_blocked()
            assert BURST <= written < 3 * BURST
            assert scene.text().count(b"\n") == written - 1
            ending.set()
            await trio.testing.wait_all_tasks_blocked()
            assert scene.text().count(b"\n") == written
            nursery.cancel_scope.cancel()


async def test_a_sink_gets_whole_lines_and_can_wait(scene: Scene) -> None:
    """A slow sink holds up its stream, not more than a batch is taken meanwhile, none is lost."""
    read_end, write_end = scene.pipe("stdout")
    shown: list[bytes] = []
    gate = trio.Event()

    async def sink(stream: Stream, lines: Sequence[bytes]) -> None:
        assert stream == "stdout"
        shown.extend(lines)
        await gate.wait()

    with scene.writer() as writer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, read_end, writer, trio.Event(), sink)
            await trio.testing.wait_all_tasks_blocked()
            os.write(write_end, b"one\ntw")
            await trio.lowlevel.wait_writable(write_end)
            while not shown:
                await trio.lowlevel.checkpoint()
            os.write(write_end, b"o\nthree")
            await trio.testing.wait_all_tasks_blocked()
            assert shown == [b"one"]
            assert scene.text() == b"one\ntw"
            gate.set()
            while len(shown) < 2:
                await trio.lowlevel.checkpoint()
            os.write(write_end, b"!")
            scene.hang_up("stdout")
    assert shown == [b"one", b"two", b"three!"]
    assert scene.text() == b"one\ntwo\nthree!"


async def test_a_sink_gets_all_of_a_large_pipe(scene: Scene) -> None:
    """Lines are shown batch by batch, and those at the joints are whole."""
    _, write_end = scene.pipe("stdout")
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4 * TURN)
    lines = [b"line %d" % number for number in range(40_000)]
    data = b"".join(line + b"\n" for line in lines)
    assert os.write(write_end, data) == len(data) > TURN
    shown: list[bytes] = []

    async def sink(stream: Stream, lines: Sequence[bytes]) -> None:
        shown.extend(lines)

    with scene.writer() as writer:
        await _pump(scene.hang_up("stdout"), writer, trio.Event(), sink)
    assert shown == lines


def _journald(scene: Scene) -> JournaldWriter:
    return JournaldWriter(
        scene.spool,
        LogOrigin(job="a", run=1, attempt=1, container="c"),
        on_event=scene.events.append,
        clock=trio.current_time,
        journal=f"{scene.directory}/journal",
    )


async def test_a_busy_journal_holds_up_only_its_own_job(scene: Scene, tmp_path: Path) -> None:
    """While the job waits for the journal, others are served; then all of its lines arrive."""
    _, write_end = scene.pipe("stdout")
    lines = [b"%d" % number for number in range(5_000)]
    os.write(write_end, b"".join(line + b"\n" for line in lines))
    with (
        FakeJournal(f"{scene.directory}/journal") as journal,
        _journald(scene) as busy,
        scene_in(tmp_path / "quiet") as quiet,
        quiet.writer() as writer,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, scene.hang_up("stdout"), busy, trio.Event())
            nursery.start_soon(_pump, quiet.pipe("stdout")[0], writer, trio.Event())
            await trio.testing.wait_all_tasks_blocked()
            os.write(quiet.pipe("stdout")[1], b"served\n")
            with trio.fail_after(10):
                while quiet.text() != b"served\n":
                    await trio.lowlevel.checkpoint()
            entries = journal.read()
            assert 0 < len(entries) < len(lines)
            while len(entries) < len(lines):
                await trio.lowlevel.wait_readable(journal.socket)
                entries += journal.read()
            os.write(quiet.pipe("stdout")[1], b"end")
            quiet.hang_up("stdout")
    assert [entry["MESSAGE"] for entry in entries] == lines
    assert scene.events == []


async def test_a_stuck_journal_does_not_keep_a_job(
    scene: Scene, autojump_clock: trio.testing.MockClock
) -> None:
    """Who takes nothing for a while is left alone: the job ends, and what it lost is told."""
    _, write_end = scene.pipe("stdout")
    os.write(write_end, b"line\n" * 5_000)
    with FakeJournal(f"{scene.directory}/journal") as journal:
        with _journald(scene) as stuck:
            await _pump(scene.hang_up("stdout"), stuck, trio.Event())
        kept = len(journal.read())
    assert trio.current_time() >= PATIENCE
    lost = 5_000 - kept
    assert scene.events == [
        LogWriteFailed(path=f"{scene.directory}/journal", cause="systemd journal: busy"),
        LogLossCounted(
            path=f"{scene.directory}/journal", bytes=5 * lost, lines=lost, recovered=False
        ),
    ]


async def test_what_is_no_pipe_is_an_error(scene: Scene, tmp_path: Path) -> None:
    """A mistake of the caller is not taken for a full disk."""
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    with scene.writer() as writer, pytest.raises(OSError, match="Invalid argument"):
        await pump_stream(file, writer, "stdout", ending=trio.Event())
    os.close(file)
    assert scene.events == []
