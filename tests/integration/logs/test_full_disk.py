"""A disk that fills up: the job lives, the losses are counted and said, the log stays whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.logs import LogLimits, LogLossCounted, LogWriteFailed
from supervisor.logs.destination import RETRY_SECONDS
from tests.integration.logs.scene import Scene, scene_in

pytestmark = pytest.mark.root
LINE = b"a line that says something\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Scene]:
    """Give a scene whose log is on a file system of 256 KiB."""
    mounted = tmp_path / "attempt"
    mounted.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "pocker-test", mounted], check=True
    )
    try:
        with scene_in(tmp_path) as scene:
            yield scene
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_losses_are_counted_and_said_twice(small_disk: Scene) -> None:
    """Once when it begins, once with the exact counts when there is room again; each time."""
    filler = Path(small_disk.directory) / "filler"
    filler.write_bytes(b"x" * 200 * 1024)
    with small_disk.writer(LogLimits()) as writer:
        small_disk.send(writer, LINE * 5_000)
        assert small_disk.events == [
            LogWriteFailed(path=writer.path, cause="No space left on device")
        ]
        kept = small_disk.text()
        assert kept == LINE * (len(kept) // len(LINE))
        filler.unlink()
        small_disk.now += RETRY_SECONDS
        small_disk.send(writer, b"back again\n")
        assert small_disk.events[1:] == [
            LogLossCounted(
                path=writer.path,
                bytes=5_000 * len(LINE) - len(kept),
                lines=5_000 - len(kept) // len(LINE),
                recovered=True,
            )
        ]
        assert small_disk.text() == kept + b"back again\n"

        small_disk.send(writer, LINE * 10_000)
        kept = small_disk.text().removeprefix(kept + b"back again\n")
    assert small_disk.events[2:] == [
        LogWriteFailed(path=writer.path, cause="No space left on device"),
        LogLossCounted(
            path=writer.path,
            bytes=10_000 * len(LINE) - len(kept),
            lines=10_000 - len(kept) // len(LINE),
            recovered=False,
        ),
    ]


def test_a_cut_line_is_closed(small_disk: Scene) -> None:
    """What follows a loss in mid-line does not become part of the line before it."""
    filler = Path(small_disk.directory) / "filler"
    with small_disk.writer(LogLimits()) as writer:
        small_disk.send(writer, b"begun")
        filler.write_bytes(b"x" * 252 * 1024)
        small_disk.send(writer, b"y" * 200_000 + b"\nlost\n")
        filler.unlink()
        small_disk.now += RETRY_SECONDS
        small_disk.send(writer, b"whole\n")
    lines = small_disk.text().split(b"\n")
    assert lines[0].rstrip(b"y") == b"begun"
    assert lines[1:] == [b"whole", b""]


def test_a_failing_disk_is_not_tried_all_the_time(small_disk: Scene) -> None:
    """Between two tries output is dropped without a word; an end in that state is told."""
    filler = Path(small_disk.directory) / "filler"
    filler.write_bytes(b"x" * 256 * 1024)
    with small_disk.writer(LogLimits()) as writer:
        small_disk.send(writer, LINE)
        filler.unlink()
        small_disk.send(writer, LINE)
        assert small_disk.text() == b""
    assert small_disk.events[1:] == [
        LogLossCounted(path=writer.path, bytes=2 * len(LINE), lines=2, recovered=False)
    ]


def test_a_disk_without_room_for_the_file_itself(small_disk: Scene) -> None:
    """Even the log file may be missing: it is made when that becomes possible."""
    subprocess.run(["mount", "-o", "remount,nr_inodes=2", small_disk.directory], check=True)
    filler = Path(small_disk.directory) / "filler"
    filler.touch()
    with small_disk.writer(LogLimits()) as writer:
        small_disk.send(writer, LINE)
        assert small_disk.events == [
            LogWriteFailed(path=writer.path, cause="open: No space left on device")
        ]
        filler.unlink()
        small_disk.now += RETRY_SECONDS
        small_disk.send(writer, LINE)
    assert small_disk.text() == LINE


def test_a_rotation_that_fails_is_tried_again(small_disk: Scene) -> None:
    """A log that is full and cannot be put away drops output until it can."""
    limits = LogLimits(max_size=33_000, max_files=2)
    with small_disk.writer(limits) as writer:
        small_disk.send(writer, b"first\n")
        os.makedirs(f"{small_disk.directory}/log.1/in the way")
        small_disk.send(writer, LINE * 1_000)
        assert [type(event) for event in small_disk.events] == [LogWriteFailed]
        assert max(small_disk.sizes().values()) <= limits.max_size
        os.rmdir(f"{small_disk.directory}/log.1/in the way")
        os.rmdir(f"{small_disk.directory}/log.1")
        small_disk.now += RETRY_SECONDS
        small_disk.send(writer, b"last\n")
        small_disk.send(writer, b"really\n")
    assert isinstance(small_disk.events[1], LogLossCounted)
    assert small_disk.text().startswith(b"first\n" + LINE)
    assert small_disk.text().endswith(b"really\n")
