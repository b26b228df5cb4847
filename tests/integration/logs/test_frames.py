"""Compressed files give back what was put into them, at any place, or say that they are damaged."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.logs import LogError, frames
from supervisor.logs.frames import PackedFile, pack

LINES = b"".join(b"2024-01-02T03:04:05.%09dZ stdout F a line\n" % n for n in range(2_000))


@contextmanager
def packed(content: bytes) -> Iterator[int]:
    """A compressed file, open for reading and writing."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(content)
        source.flush()
        pack(source.fileno(), target.fileno())
        yield target.fileno()


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200),
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 250)), max_size=10),
)
def test_any_part_can_be_read(content: bytes, frame: int, reads: list[tuple[int, int]]) -> None:
    """As from the plain file, wherever the frames are cut."""
    with mock.patch.object(frames, "FRAME", frame), packed(content) as file:
        unpacked = PackedFile(file, "log.1.zst")
        assert unpacked.size == len(content)
        for size, offset in reads:
            assert unpacked.read(size, offset) == content[offset : offset + size]


def test_a_part_costs_no_more_than_its_frames() -> None:
    """The end of a large file is read without its beginning."""
    with mock.patch.object(frames, "FRAME", 4096), packed(LINES) as file:
        with mock.patch("os.pread", side_effect=os.pread) as reads:
            assert PackedFile(file, "log.1.zst").read(100, len(LINES) - 100) == LINES[-100:]
        read = sum(call.args[1] for call in reads.call_args_list)
        assert read < os.fstat(file).st_size / 4


def test_any_zstd_program_can_unpack_it(tmp_path: Path) -> None:
    """What is not content is in frames that they pass over."""
    with mock.patch.object(frames, "FRAME", 4096), packed(LINES) as file:
        content = os.pread(file, os.fstat(file).st_size, 0)
    reader = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(content), read_across_frames=True
    )
    assert reader.read() == LINES
    assert len(content) < len(LINES) / 5


def test_the_inode_of_the_original_is_known(tmp_path: Path) -> None:
    """Who had it open finds out where it has gone."""
    original = tmp_path / "log.1"
    original.write_bytes(LINES)
    source, target = os.open(original, os.O_RDONLY), os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    pack(source, target)
    assert PackedFile(target, "x").origin == original.stat().st_ino
    os.close(source)
    os.close(target)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_never_taken_for_output(data: st.DataObject) -> None:
    """A file that is cut or changed anywhere gives the true content or an error with its path."""
    with mock.patch.object(frames, "FRAME", 4096), packed(LINES) as file:
        size = os.fstat(file).st_size
        if data.draw(st.booleans()):
            os.truncate(file, data.draw(st.integers(0, size - 1)))
        else:
            at = data.draw(st.integers(0, size - 1))
            before = os.pread(file, 1, at)[0]
            os.pwrite(file, bytes([before ^ data.draw(st.integers(1, 255))]), at)
        try:
            unpacked = PackedFile(file, "/logs/log.1.zst")
            content = unpacked.read(len(LINES) + 1, 0)
        except LogError as error:
            assert str(error) == "read log /logs/log.1.zst: it is damaged"
        else:
            assert content == LINES


@pytest.mark.parametrize("content", [b"", LINES, b"\0" * 99])
def test_what_is_not_compressed_is_refused(content: bytes) -> None:
    """A file that only has the name is not read as one."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with pytest.raises(LogError, match="damaged"):
            PackedFile(file.fileno(), "log.1.zst")
