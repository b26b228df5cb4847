"""Reading a log: all of it, its end, and what it leaves out."""

from __future__ import annotations

import itertools
import os
import tempfile
from functools import partial
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.logs import LogQuery, LogRecord, Stream, read_log
from supervisor.logs.files import lines_backwards
from tests.integration.logs.scene import Scene, compress_all

RECORD = st.builds(
    LogRecord,
    time=st.integers(0, 9).map(lambda n: f"2024-01-02T03:04:0{n}.000000000Z"),
    stream=st.sampled_from(["stdout", "stderr"]),
    partial=st.booleans(),
    message=st.binary(max_size=8).map(lambda text: text.replace(b"\n", b"")),
)


def _write(directory: str, records: list[LogRecord], per_file: int, tail: bytes = b"") -> None:
    """Write records to files as rotation leaves them, the last one in ``log``."""
    files = [records[at : at + per_file] for at in range(0, len(records), per_file)] or [[]]
    for age, file in enumerate(reversed(files)):
        name = f"log.{age}" if age else "log"
        lines = [
            f"{r.time} {r.stream} {'P' if r.partial else 'F'} ".encode() + r.message + b"\n"
            for r in file
        ]
        end = tail if age == 0 else b""
        (Path(directory) / name).write_bytes(b"".join(lines) + end)


def _last_lines(records: list[LogRecord], count: int) -> list[LogRecord]:
    """What a tail is by definition: lines by where they end, all their records with them."""
    lines: list[list[int]] = []
    unfinished: dict[Stream, list[int]] = {"stdout": [], "stderr": []}
    for number, record in enumerate(records):
        unfinished[record.stream].append(number)
        if not record.partial:
            lines.append(unfinished[record.stream])
            unfinished[record.stream] = []
    lines += [line for line in unfinished.values() if line]
    lines.sort(key=lambda line: line[-1])
    chosen = {number for line in lines[max(0, len(lines) - count) :] for number in line}
    return [record for number, record in enumerate(records) if number in chosen]


@settings(max_examples=300, deadline=None)
@given(
    records=st.lists(RECORD, max_size=30),
    per_file=st.integers(1, 12),
    count=st.integers(0, 12),
    stream=st.sampled_from([None, "stdout", "stderr"]),
    torn=st.sampled_from([b"", b"2024-01-02T03:04:05.0000", b"\0" * 5000]),
    compressed=st.booleans(),
)
def test_the_tail_is_what_it_is_defined_to_be(
    *,
    records: list[LogRecord],
    per_file: int,
    count: int,
    stream: Stream | None,
    torn: bytes,
    compressed: bool,
) -> None:
    """Over files, plain and compressed, over streams, unfinished lines and a torn end."""
    with tempfile.TemporaryDirectory() as directory:
        _write(directory, records, per_file, torn)
        if compressed:
            compress_all(directory)
        query = LogQuery(
            tail=count,
            stream=stream,
            since="2024-01-02T03:04:02.000000000Z",
            until="2024-01-02T03:04:08.000000000Z",
        )
        wanted = [r for r in records if "2" <= r.time[18] < "8" and stream in (None, r.stream)]
        assert list(read_log(directory, query)) == _last_lines(wanted, count)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=30), st.integers(1, 16))
def test_lines_come_backwards(parts: list[bytes], block: int) -> None:
    """Each line with its offset, wherever the blocks are cut; the torn end is left out."""
    content = b"\n".join(parts)
    starts = [0, *itertools.accumulate(len(line) + 1 for line in content.split(b"\n"))]
    expected = list(zip(starts, content.split(b"\n")[:-1], strict=False))
    with tempfile.TemporaryFile() as file, mock.patch("supervisor.logs.files._BLOCK", block):
        file.write(content)
        file.flush()
        read = partial(os.pread, file.fileno())
        assert list(lines_backwards(read, len(content))) == expected[::-1]


def test_a_tail_reads_only_the_end(scene: Scene) -> None:
    """The last lines of a large log cost no more than those of a small one."""
    line = b"x" * 71 + b"\n"
    with scene.writer() as writer:
        scene.send(writer, line * 40_000)
        scene.send(writer, b"an error\n", "stderr")
    with mock.patch("os.pread", side_effect=os.pread) as reads:
        assert len(scene.read(LogQuery(tail=10))) == 10
    assert sum(call.args[1] for call in reads.call_args_list) < 2_000_000
    assert [record.message for record in scene.read(LogQuery(tail=1))] == [b"an error"]


def test_reading_ends_where_the_log_ended_when_it_began(scene: Scene) -> None:
    """A job that writes faster than its log is read cannot keep the reader for ever."""
    with scene.writer() as writer:
        scene.send(writer, b"one\ntwo\n")
        records = read_log(scene.directory, LogQuery())
        assert next(records).message == b"one"
        scene.send(writer, b"three\n" * 5_000)
        assert [record.message for record in records] == [b"two"]


def test_reading_goes_on_through_a_rotation(scene: Scene) -> None:
    """Files that are renamed or removed while they are read are read to their end."""
    with scene.writer() as writer:
        scene.send(writer, b"old\n" * 3_000)
        records = read_log(scene.directory, LogQuery())
        assert next(records).message == b"old"
        scene.send(writer, b"new\n" * 3_000)
        for number in range(1, 4):
            os.unlink(f"{scene.directory}/log.{number}")
        assert len(list(records)) == 2_999


def test_a_snapshot_is_of_one_moment(scene: Scene) -> None:
    """A rotation between the opening of two files is noticed, and all of them opened again."""
    with scene.writer() as writer:
        scene.send(writer, b"line\n" * 3_000)
    expected = scene.text()
    opened = 0

    def rotate_between(path: str, *args: int, **options: int) -> int:
        nonlocal opened
        opened += 1
        if opened == 2:
            count = len(scene.sizes())
            for number in range(count - 1, 0, -1):
                os.rename(f"{scene.directory}/log.{number}", f"{scene.directory}/log.{number + 1}")
            os.rename(f"{scene.directory}/log", f"{scene.directory}/log.1")
            os.close(real(f"{scene.directory}/log", os.O_CREAT | os.O_WRONLY))
        return real(path, *args, **options)

    real = os.open
    with mock.patch("os.open", rotate_between):
        assert scene.text() == expected


def test_damaged_lines_are_passed_over(scene: Scene) -> None:
    """A hole that a crash of the machine left does not end the reading."""
    with scene.writer() as writer:
        scene.send(writer, b"before\n")
    path = Path(scene.directory) / "log"
    path.write_bytes(path.read_bytes() + b"\0" * 600_000 + b"\n" + path.read_bytes())
    assert scene.text() == b"before\nbefore\n"


def test_no_descriptor_is_left(scene: Scene) -> None:
    """A reader that is not read to its end closes what it has opened."""
    with scene.writer() as writer:
        scene.send(writer, b"line\n" * 3_000)
        before = os.listdir("/proc/self/fd")
        records = read_log(scene.directory, LogQuery())
        next(records)
        assert len(os.listdir("/proc/self/fd")) > len(before)
        records.close()
        assert len(os.listdir("/proc/self/fd")) == len(before)
