"""Records made ready to be shown."""

from __future__ import annotations

from supervisor.logs.records import LogRecord, Stream
from supervisor.logs.render import LogRenderer

TIME = "2024-01-02T03:04:05.123456789Z"


def _record(message: bytes, *, partial: bool = False, stream: Stream = "stdout") -> LogRecord:
    return LogRecord(TIME, stream, partial, message)


def _render(renderer: LogRenderer, *records: LogRecord) -> bytes:
    return b"".join(map(renderer.render, records)) + renderer.finish()


def test_raw_output_is_exact() -> None:
    """With nothing asked for, the bytes of the job come back, escape sequences included."""
    shown = _render(
        LogRenderer(terminal=False),
        _record(b"\x1b[31mred\xff", partial=True),
        _record(b"\0"),
        _record(b"no newline", partial=True),
    )
    assert shown == b"\x1b[31mred\xff\0\nno newline"


def test_a_terminal_gets_harmless_text() -> None:
    """On a terminal, control characters are visible and the last line is ended."""
    shown = _render(LogRenderer(terminal=True), _record(b"\x1b[31mred", partial=True))
    assert shown == b"\\x1b[31mred\n"


def test_each_line_has_its_prefix_and_time() -> None:
    """The pieces of a line share one prefix."""
    shown = _render(
        LogRenderer(prefix="job | ", timestamps=True, terminal=False),
        _record(b"one"),
        _record(b"tw", partial=True),
        _record(b"o"),
    )
    assert shown == f"job | {TIME} one\njob | {TIME} two\n".encode()


def test_an_interrupted_line_is_broken_off() -> None:
    """A line of the other stream does not run into one that is not finished."""
    shown = _render(
        LogRenderer(prefix="> ", terminal=False),
        _record(b"a", partial=True),
        _record(b"error", stream="stderr"),
        _record(b"b"),
    )
    assert shown == b"> a\n> error\n> b\n"
