"""Rotated files are compressed behind the back of who writes them and who reads them."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from unittest import mock

import pytest
import structlog.testing

from runtime.cgroups.notices import Notices
from supervisor.logs import LogError, LogFollower, LogLimits, LogQuery
from supervisor.logs.compression import NICENESS, WORKER, CompressedArchive
from supervisor.logs.files import rotate
from supervisor.logs.frames import pack
from tests.integration.logs.scene import SMALL, Scene, compress_all, text_of

COMPRESSED = LogLimits(max_size=SMALL.max_size, max_files=6, compress=True)
LINES = b"".join(b"line number %d\n" % number for number in range(2_500))
"""Fills four files and begins a fifth."""


@pytest.fixture
def rotated(scene: Scene) -> Scene:
    """Give a log whose rotated files are plain."""
    with scene.writer() as writer:
        scene.send(writer, LINES)
    assert sorted(scene.sizes()) == ["log", "log.1", "log.2", "log.3", "log.4"]
    return scene


def finish() -> None:
    """Wait until the worker has done what it was asked for."""
    WORKER.submit(lambda: None).result()


def test_what_was_rotated_becomes_small(scene: Scene) -> None:
    """The newest file is plain, the others are compressed, and no more than agreed are kept."""
    with scene.writer(COMPRESSED) as writer:
        for number in range(6_000):
            scene.send(writer, b"line number %d\n" % number)
        finish()
        sizes = scene.sizes()
        assert sorted(sizes) == ["log", *(f"log.{number}.zst" for number in range(1, 6))]
        assert max(size for name, size in sizes.items() if name != "log") < SMALL.max_size / 3
    numbers = [int(record.message.split()[-1]) for record in scene.read()]
    assert numbers == list(range(numbers[0], 6_000))
    assert len(numbers) > 2_500


def test_readers_cannot_tell_the_difference(rotated: Scene) -> None:
    """All records, the last ones, those since a moment: the same as from plain files."""
    records = rotated.read()
    queries = [
        LogQuery(),
        LogQuery(tail=10),
        LogQuery(tail=1_500),
        LogQuery(since=records[700].time),
        LogQuery(until=records[1_700].time, stream="stdout"),
        LogQuery(stream="stderr"),
    ]
    expected = [rotated.read(query) for query in queries]
    compress_all(rotated.directory)
    assert len([name for name in rotated.sizes() if name.endswith(".zst")]) == 4
    assert [rotated.read(query) for query in queries] == expected


def test_compressed_files_are_private(rotated: Scene) -> None:
    """As private as those that they were made of."""
    compress_all(rotated.directory)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path(rotated.directory).iterdir()}
    assert modes == {0o600}


def test_rotations_go_on_meanwhile(rotated: Scene) -> None:
    """A file that gets another number, or goes, while it is compressed ends up where it belongs."""
    seen: list[list[str]] = []

    def rotate_then_pack(source: int, target: int) -> None:
        if len(seen) < 3:
            with rotated.writer(LogLimits(max_size=SMALL.max_size, max_files=6)) as writer:
                rotated.send(writer, b"meanwhile\n" * 1_200)
        pack(source, target)
        seen.append(sorted(rotated.sizes()))

    with mock.patch("supervisor.logs.compression.pack", rotate_then_pack):
        compress_all(rotated.directory)
    assert len(seen) >= 6
    assert sorted(rotated.sizes()) == ["log", *(f"log.{number}.zst" for number in range(1, 6))]
    text = rotated.text()
    assert text.endswith(b"meanwhile\n" * 3_600)
    assert LINES.endswith(text.removesuffix(b"meanwhile\n" * 3_600))


def test_a_file_that_went_meanwhile_leaves_nothing(rotated: Scene) -> None:
    """What was compressed in vain gets no name."""

    def pack_in_vain(source: int, target: int) -> None:
        pack(source, target)
        for path in Path(rotated.directory).glob("log.*"):
            path.unlink()

    with mock.patch("supervisor.logs.compression.pack", pack_in_vain):
        compress_all(rotated.directory)
    assert list(rotated.sizes()) == ["log"]


def test_an_interrupted_replacement_is_finished(rotated: Scene) -> None:
    """A kill between the two steps leaves both files: they count as one, and one goes."""
    directory = Path(rotated.directory)
    plain = (directory / "log.2").read_bytes()
    compress_all(rotated.directory)
    (directory / "log.2").write_bytes(plain)
    assert rotated.text() == LINES
    with rotated.writer(COMPRESSED) as writer:
        rotated.send(writer, b"x" * SMALL.max_size + b"\n")
        finish()
    assert sorted(rotated.sizes()) == ["log", *(f"log.{number}.zst" for number in range(1, 6))]
    assert rotated.text() == LINES + b"x" * SMALL.max_size + b"\n"


@pytest.mark.parametrize("steps", range(8))
def test_a_rotation_after_a_kill_may_be_interrupted_as_well(rotated: Scene, steps: int) -> None:
    """A second kill, after any step of the next rotation, makes no line come twice."""
    directory = Path(rotated.directory)
    plain = {number: (directory / f"log.{number}").read_bytes() for number in (2, 3)}
    compress_all(rotated.directory)
    for number, content in plain.items():
        (directory / f"log.{number}").write_bytes(content)
    replace = mock.Mock(wraps=os.replace, side_effect=[mock.DEFAULT] * steps + [InterruptedError])
    with mock.patch("os.replace", replace), suppress(InterruptedError):
        rotate(rotated.directory, COMPRESSED.max_files)
    assert rotated.text() == LINES


def test_a_successor_compresses_what_was_left(rotated: Scene) -> None:
    """Files that a killed supervisor had no time for are compressed without another rotation."""
    with rotated.writer(COMPRESSED):
        finish()
    assert sorted(rotated.sizes()) == ["log", *(f"log.{number}.zst" for number in range(1, 5))]
    assert rotated.text() == LINES


def test_a_program_that_ends_finishes_first(scene: Scene) -> None:
    """Nothing stays plain because it was rotated last."""
    program = (
        "import os, sys\nfrom supervisor.logs import *\n"
        "limits = LogLimits(max_size=4_000_000, compress=True)\n"
        "with LogWriter(*sys.argv[1:], limits=limits, on_event=print) as writer:\n"
        "    while not writer.pump('stdout', 0).ended: pass"
    )
    subprocess.run(
        [sys.executable, "-c", program, scene.directory, scene.spool],
        input=LINES * 200,
        check=True,
    )
    assert sorted(scene.sizes()) == ["log", "log.1.zst", "log.2.zst", "log.3.zst", "log.4.zst"]


def test_a_failure_is_said_once(rotated: Scene) -> None:
    """The file stays as it is, its path and the cause are told, and the log goes on."""
    failure = OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    with (
        structlog.testing.capture_logs() as said,
        mock.patch("supervisor.logs.compression.pack", side_effect=failure),
    ):
        archive = CompressedArchive(rotated.directory)
        finish()
        archive.rotate(10)
        finish()
    assert said == [
        {
            "event": "rotated log is not compressed",
            "log_level": "warning",
            "path": f"{rotated.directory}/log.1",
            "cause": "operation not supported",
        }
    ]
    assert rotated.text() == LINES
    assert not any(name.endswith(".zst") for name in rotated.sizes())


def test_the_worker_gives_way(rotated: Scene) -> None:
    """Compression has a low priority, and nothing else of the program has."""
    niceness = os.nice(0)
    assert WORKER.submit(os.nice, 0).result() == niceness + NICENESS
    assert os.nice(0) == niceness


def test_damage_is_an_error_with_its_path(rotated: Scene) -> None:
    """It is not passed over in silence; what came after it can still be read from the end."""
    compress_all(rotated.directory)
    path = Path(rotated.directory) / "log.3.zst"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    assert len(rotated.read(LogQuery(tail=100))) == 100
    with pytest.raises(LogError, match=f"^read log {path}: it is damaged$"):
        rotated.read()


@pytest.fixture
def notices() -> Iterator[Notices]:
    """Give the means to watch files."""
    with closing(Notices()) as made:
        yield made


@pytest.mark.trio
async def test_a_follower_does_not_notice(scene: Scene, notices: Notices) -> None:
    """Every record comes once although the file that it reads is compressed under its hands.

    Inodes are used again at once: the newest file often has the number that an older one had.
    """
    expected = b""
    limits = LogLimits(max_size=SMALL.max_size, max_files=20, compress=True)
    with scene.writer(limits) as writer:
        scene.send(writer, b"first\n")
        with LogFollower(scene.directory, LogQuery(), notices) as follower:
            shown = [await anext(follower)]
            for number in range(12):
                data = b"%d\n" % number * 700
                scene.send(writer, data)
                expected += data
                finish()
                if number % 4 == 3:
                    while len(text_of(shown)) < len(expected):
                        shown.append(await anext(follower))
            follower.end()
            shown += [record async for record in follower]
            assert follower.missed == 0
    assert text_of(shown) == b"first\n" + expected
    assert len([name for name in scene.sizes() if name.endswith(".zst")]) > 8
