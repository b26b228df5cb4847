"""Lines of a log file, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.logs.records import LogRecord, Stream, parse_record

TIME = "2024-01-02T03:04:05.123456789Z"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(("tag", "partial"), [("F", False), ("P", True)])
def test_a_record_is_read(stream: Stream, tag: str, partial: bool) -> None:
    """Each kind of record gives its four parts, the message untouched."""
    record = parse_record(f"{TIME} {stream} {tag} ".encode() + b"a\0b\xff c")
    assert record == LogRecord(TIME, stream, partial, b"a\0b\xff c")


def test_an_empty_message_is_read() -> None:
    """The space in front of the message is part of the form, even where nothing follows it."""
    record = parse_record(f"{TIME} stdout F ".encode())
    assert record is not None
    assert record.message == b""


@pytest.mark.parametrize(
    "line",
    [
        b"",
        TIME.encode(),
        f"{TIME} stdout F".encode(),
        f"{TIME} stdout X message".encode(),
        f"{TIME} stdin  F message".encode(),
        f"{TIME} stdout  F message".encode(),
        b"\0" * 100,
        b"2024-01-02 03:04:05.123456789Z stdout F message",
        b"2024-01-02T03:04:05.12345678\xffZ stdout F message",
    ],
)
def test_what_is_no_record_is_told(line: bytes) -> None:
    """A damaged line is not taken for output."""
    assert parse_record(line) is None


@given(st.binary(max_size=100))
def test_any_line_can_be_read(line: bytes) -> None:
    """No line makes the reader fail."""
    parse_record(line)
