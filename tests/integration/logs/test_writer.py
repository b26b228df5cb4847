"""A log is written, rotated and gone on with, every byte once."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import SpecError
from supervisor.logs import (
    LogError,
    LogLimits,
    LogLossCounted,
    LogQuery,
    LogWriteFailed,
    LogWriter,
    Stream,
)
from supervisor.policies import SMALLEST_LOG
from tests.integration.logs.scene import SMALL, Scene, scene_in

OUTPUT = (
    st.binary(max_size=60)
    | st.sampled_from([b"\n", b"\n\n\n", b"line\n", b"\0\xff\n"])
    | st.integers(16_380, 40_000).map(lambda size: b"x" * size)
    | st.integers(1, 400).map(lambda count: b"a line of text\n" * count)
)


def test_a_record_is_in_the_cri_format(scene: Scene) -> None:
    """Time of the read in UTC, stream, tag and message."""
    before = time.time_ns()
    with scene.writer() as writer:
        scene.send(writer, b"hello\n")
        scene.send(writer, b"oops", "stderr")
    text = (Path(scene.directory) / "log").read_text()
    assert re.fullmatch(r"\S{30} stdout F hello\n\S{30} stderr P oops\n", text)
    moment = time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(before // 10**9))
    after = time.strftime("%Y-%m-%dT%H:%M:", time.gmtime())
    assert moment <= text[:17] <= after


def test_both_streams_are_in_order_of_arrival(scene: Scene) -> None:
    """One file tells what came before what."""
    with scene.writer() as writer:
        for number in range(6):
            scene.send(writer, b"%d\n" % number, "stderr" if number % 2 else "stdout")
    assert [record.message for record in scene.read()] == [b"%d" % n for n in range(6)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), OUTPUT, st.booleans()), max_size=25)
)
def test_any_output_comes_back(steps: list[tuple[Stream, bytes, bool]]) -> None:
    """Exact bytes, whatever they are, however they are cut, over rotations and restarts."""
    with tempfile.TemporaryDirectory() as top, scene_in(Path(top)) as scene:
        sent: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        writer = scene.writer()
        for stream, data, restart in steps:
            scene.send(writer, data, stream)
            sent[stream] += data
            if restart:
                writer.close()
                writer = scene.writer()
        writer.close()
        assert {stream: scene.text(stream) for stream in sent} == sent
        assert max(scene.sizes().values()) <= SMALL.max_size
        assert scene.events == []


def test_no_file_exceeds_the_limits(scene: Scene) -> None:
    """The oldest output goes, the newest stays whole, and the files are as many as agreed."""
    limits = LogLimits(max_size=33_000, max_files=3)
    with scene.writer(limits) as writer:
        for number in range(5_000):
            scene.send(writer, b"line number %d\n" % number)
    sizes = scene.sizes()
    assert sorted(sizes) == ["log", "log.1", "log.2"]
    assert max(sizes.values()) <= limits.max_size
    numbers = [int(record.message.split()[-1]) for record in scene.read()]
    assert numbers == list(range(numbers[0], 5_000))
    assert len(numbers) > 1000


def test_a_single_file_starts_anew(scene: Scene) -> None:
    """With one file there is no older one to keep."""
    with scene.writer(LogLimits(max_size=33_000, max_files=1)) as writer:
        scene.send(writer, b"".join(b"%d\n" % number for number in range(3_000)))
    assert list(scene.sizes()) == ["log"]
    assert scene.read()[-1].message == b"2999"


def test_rotation_in_mid_line_keeps_the_line(scene: Scene) -> None:
    """A line that is longer than a file is in several, and whole."""
    line = bytes(range(11, 256)) * 600
    with scene.writer() as writer:
        scene.send(writer, line[:100_000])
        scene.send(writer, line[100_000:] + b"\nnext\n")
    assert len(scene.sizes()) > 3
    assert scene.text() == line + b"\nnext\n"


def test_an_interrupted_rotation_is_finished(scene: Scene) -> None:
    """A gap that a kill left between the renames costs no file."""
    with scene.writer() as writer:
        scene.send(writer, b"".join(b"%d\n" % number for number in range(2_000)))
    files = len(scene.sizes())
    assert files > 2
    for number in range(files - 1, 0, -1):
        os.rename(f"{scene.directory}/log.{number}", f"{scene.directory}/log.{number + 1}")
    with scene.writer() as writer:
        scene.send(writer, b"".join(b"%d\n" % number for number in range(2_000, 3_000)))
    assert scene.text() == b"".join(b"%d\n" % number for number in range(3_000))


def test_the_new_file_of_an_interrupted_rotation_is_made(scene: Scene) -> None:
    """A supervisor that died before it made the new file loses nothing."""
    with scene.writer() as writer:
        scene.send(writer, b"first\nbegun")
    os.rename(f"{scene.directory}/log", f"{scene.directory}/log.1")
    with scene.writer() as writer:
        scene.send(writer, b" and ended\n")
    assert scene.text() == b"first\nbegun and ended\n"


def test_files_are_private(scene: Scene) -> None:
    """Output may hold secrets: the owner reads it, nobody else."""
    with scene.writer() as writer:
        scene.send(writer, b"x" * 100_000)
    paths = [*Path(scene.directory).iterdir(), Path(scene.spool)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


TORN = b"2024-01-02T03:04:05.123456789Z stdout F "


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        (b"", b"whole\n"),
        (TORN + b"torn mess", b"whole\ntorn mess"),
        (TORN, b"whole\n"),
        (TORN[:20], b"whole\n"),
        (b"\0" * 200_000, b"whole\n"),
    ],
)
def test_a_torn_record_is_repaired_without_a_spool(scene: Scene, tail: bytes, kept: bytes) -> None:
    """What is known of a torn record is kept as a partial one; what is not known is cut off."""
    path = Path(scene.directory) / "log"
    path.write_bytes(TORN + b"whole\n" + tail)
    with scene.writer() as writer:
        assert scene.text() == kept
        scene.send(writer, b"more\n")
    assert scene.text() == kept + b"more\n"
    assert path.read_bytes().count(b"\0") == 0


def test_mid_line_is_known_after_a_repair(scene: Scene) -> None:
    """Each stream's own last record tells, wherever the other stream's records are."""
    path = Path(scene.directory) / "log"
    stderr = TORN.replace(b"stdout", b"stderr")
    path.write_bytes(TORN[:-2] + b"P begun\n" + (stderr + b"other\n") * 20)
    with scene.writer() as writer:
        assert writer._pump.open_streams == 1


def test_losses_are_said_by_the_next_supervisor(scene: Scene) -> None:
    """What was dropped before a restart is part of what is counted after it."""
    writer = scene.writer()
    os.close(writer._log)
    writer._log = os.open("/dev/full", os.O_RDWR)
    scene.send(writer, b"one\ntwo\nth")
    assert [type(event).__name__ for event in scene.events] == ["LogWriteFailed"]
    os.close(writer._log)
    writer._pump.close()
    with scene.writer() as writer:
        scene.send(writer, b"ree\nfour\n")
    failed, counted = scene.events
    assert isinstance(failed, LogWriteFailed)
    assert isinstance(counted, LogLossCounted)
    assert (counted.bytes, counted.lines) == (10, 2)
    assert scene.text() == b"ree\nfour\n"


def test_the_newest_output_is_at_hand(scene: Scene) -> None:
    """The live table needs no reading of files."""
    with scene.writer() as writer:
        assert writer.last_line == b""
        scene.send(writer, b"one\ntwo\n\n")
        assert writer.last_line == b"two"
        scene.send(writer, b"50%", "stderr")
        assert writer.last_line == b"50%"
        scene.send(writer, b"y" * 1000)
        assert writer.last_line == b"y" * 256


def test_a_spool_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    """The start fails with the path and the cause."""
    with pytest.raises(LogError, match=r"^open log spool /dev/null/spool: Not a directory$"):
        LogWriter(str(tmp_path), "/dev/null/spool", limits=SMALL, on_event=print)


def test_a_symlink_is_not_written_through(scene: Scene, tmp_path: Path) -> None:
    """A link in place of the log does not lead the writer elsewhere."""
    target = tmp_path / "target"
    target.write_text("untouched")
    os.symlink(target, f"{scene.directory}/log")
    with scene.writer() as writer:
        scene.send(writer, b"output\n")
    assert target.read_text() == "untouched"
    assert "LogWriteFailed" in [type(event).__name__ for event in scene.events]


def test_absurd_limits_are_refused() -> None:
    """A file must hold a record, and there must be one; what a jobs file may ask for is enough."""
    with pytest.raises(SpecError, match=r"^log.max_size: 1000 bytes is below the minimum of "):
        LogLimits(max_size=1000)
    with pytest.raises(SpecError, match=r"^log.max_files: 0 is not a positive number$"):
        LogLimits(max_files=0)
    LogLimits(max_size=SMALLEST_LOG, max_files=1)


def test_a_missing_log_has_no_records(tmp_path: Path) -> None:
    """An attempt that never started is read as empty."""
    assert Scene(tmp_path).read(LogQuery(tail=5)) == []
