"""A log is followed while it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from unittest import mock

import pytest
import trio
import trio.testing

from runtime.cgroups.notices import Notices
from supervisor.logs import LogError, LogFollower, LogLimits, LogQuery, LogRecord
from supervisor.logs.files import identify_current
from tests.integration.logs.scene import SMALL, Scene, text_of

pytestmark = pytest.mark.trio


@pytest.fixture
def notices() -> Iterator[Notices]:
    """Give the means to watch files."""
    with closing(Notices()) as made:
        yield made


class _Reader:
    """A task that follows, what it has got so far, and whether it has come to an end."""

    def __init__(self, follower: LogFollower) -> None:
        self._follower = follower
        self.records: list[LogRecord] = []
        self.ended = False

    async def run(self) -> None:
        async for record in self._follower:
            self.records.append(record)
        self.ended = True

    async def until(self, text: bytes) -> None:
        with trio.fail_after(10):
            while text_of(self.records) != text:
                await trio.lowlevel.checkpoint()


async def test_records_come_as_they_are_written(scene: Scene, notices: Notices) -> None:
    """What is there first, then each new record; the end comes only after it is said."""
    with scene.writer() as writer, LogFollower(scene.directory, LogQuery(), notices) as follower:
        scene.send(writer, b"before\n")
        reader = _Reader(follower)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.run)
            await reader.until(b"before\n")
            scene.send(writer, b"and ")
            await reader.until(b"before\nand ")
            await trio.testing.wait_all_tasks_blocked()
            assert not reader.ended
            scene.send(writer, b"after\n")
            follower.end()
        assert text_of(reader.records) == b"before\nand after\n"


async def test_rotations_are_followed(scene: Scene, notices: Notices) -> None:
    """Every record comes once, through many rotations and a restart of the writer."""
    expected = b""
    with LogFollower(scene.directory, LogQuery(), notices) as follower:
        reader = _Reader(follower)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.run)
            for round_ in range(30):
                data = b"".join(b"%d %d\n" % (round_, number) for number in range(200)) + b"..."
                with scene.writer() as writer:
                    scene.send(writer, data)
                expected += data
                if round_ % 3 == 0:
                    await reader.until(expected)
            follower.end()
    assert len(scene.sizes()) > 8
    assert text_of(reader.records) == expected
    assert follower.missed == 0


async def test_a_rotation_at_the_end_of_a_file_is_followed(scene: Scene, notices: Notices) -> None:
    """What is written between the last read of a file and its rotation is not missed."""
    with scene.writer() as writer, LogFollower(scene.directory, LogQuery(), notices) as follower:
        scene.send(writer, b"first\n")
        assert (await anext(follower)).message == b"first"
        follower.end()

        def write_first(directory: str) -> int | None:
            look.side_effect = identify_current
            scene.send(writer, b"line\n" * 1_000)
            return identify_current(directory)

        with mock.patch("supervisor.logs.cursor.identify_current", side_effect=write_first) as look:
            assert len([record async for record in follower]) == 1_000
        assert len(scene.sizes()) == 2


async def test_a_log_that_outruns_its_reader_is_said(scene: Scene, notices: Notices) -> None:
    """What was rotated away before it was read is missing, and that is told."""
    limits = LogLimits(max_size=SMALL.max_size, max_files=2)
    with scene.writer(limits) as writer:
        scene.send(writer, b"first\n")
        with LogFollower(scene.directory, LogQuery(), notices) as follower:
            assert (await anext(follower)).message == b"first"
            scene.send(writer, b"line\n" * 10_000 + b"last\n")
            follower.end()
            records = [record async for record in follower]
            assert follower.missed == 1
    assert records[-1].message == b"last"
    assert len(records) < 10_000


async def test_a_tail_is_followed(scene: Scene, notices: Notices) -> None:
    """The last lines of one stream, then everything new of it."""
    with scene.writer() as writer:
        scene.send(writer, b"1\n2\n3\n")
        scene.send(writer, b"error\n", "stderr")
        query = LogQuery(tail=2, stream="stdout")
        with LogFollower(scene.directory, query, notices) as follower:
            scene.send(writer, b"another\n", "stderr")
            scene.send(writer, b"4\n")
            follower.end()
            assert [record.message async for record in follower] == [b"2", b"3", b"4"]


async def test_a_tail_of_nothing_shows_what_is_new(scene: Scene, notices: Notices) -> None:
    """With no lines asked for, following begins at the end, be there a log or not."""
    with (
        LogFollower(scene.directory, LogQuery(tail=0), notices) as early,
        scene.writer() as writer,
    ):
        scene.send(writer, b"old\n")
        with LogFollower(scene.directory, LogQuery(tail=0), notices) as late:
            scene.send(writer, b"new\n" * 10_000)
            early.end()
            late.end()
            assert [r.message async for r in early] == [b"old"] + [b"new"] * 10_000
            assert [r.message async for r in late] == [b"new"] * 10_000


async def test_a_torn_record_is_not_seen(scene: Scene, notices: Notices) -> None:
    """What a dying supervisor wrote half comes once, when it is whole."""
    with scene.writer() as writer:
        scene.send(writer, b"whole\n")
    path = f"{scene.directory}/log"
    with LogFollower(scene.directory, LogQuery(tail=1), notices) as follower:
        reader = _Reader(follower)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.run)
            await reader.until(b"whole\n")
            whole = b"2024-01-02T03:04:05.123456789Z stdout F torn\n"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, whole[:42])
            await trio.testing.wait_all_tasks_blocked()
            await reader.until(b"whole\n")
            os.write(descriptor, whole[42:])
            os.close(descriptor)
            await reader.until(b"whole\ntorn\n")
            follower.end()


async def test_waiting_costs_nothing(scene: Scene, notices: Notices) -> None:
    """While nothing is written, a follower sleeps in the kernel: it is not woken by a clock."""
    with scene.writer(), LogFollower(scene.directory, LogQuery(), notices) as follower:
        reader = _Reader(follower)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.run)
            await trio.testing.wait_all_tasks_blocked()
            assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")
            nursery.cancel_scope.cancel()


async def test_what_cannot_be_followed_is_an_error(scene: Scene, notices: Notices) -> None:
    """The path and the cause are named, and nothing stays open."""
    before = os.listdir("/proc/self/fd")
    with pytest.raises(LogError, match=r"follow log: watch \S+/nowhere: "):
        LogFollower(f"{scene.directory}/nowhere", LogQuery(), notices)
    os.symlink("elsewhere", f"{scene.directory}/log")
    os.mkdir(f"{scene.directory}/log.1")
    with pytest.raises(LogError, match=r"open log \S+/log: "):
        LogFollower(scene.directory, LogQuery(), notices)
    notices.close()
    assert os.listdir("/proc/self/fd") == before
