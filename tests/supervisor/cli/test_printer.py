"""How the output of several jobs is put together."""

from __future__ import annotations

import io

import pytest

from supervisor.cli.printer import Printer
from supervisor.logs import LogRecord, Stream

TIME = "2024-01-02T15:04:05.000000000Z"


def record(message: bytes, *, partial: bool = False, stream: Stream = "stdout") -> LogRecord:
    """A piece of output."""
    return LogRecord(TIME, stream, partial, message)


def printed(
    jobs: list[str],
    records: list[tuple[str, LogRecord]],
    *,
    timestamps: bool = False,
    terminal: bool = False,
    colour: bool = False,
) -> bytes:
    """What is written for these records."""
    stream = io.BytesIO()
    printer = Printer(
        stream,
        {job: job for job in jobs},
        timestamps=timestamps,
        terminal=terminal,
        colour=colour,
    )
    for job, each in records:
        printer.write(job, each)
    printer.finish()
    return stream.getvalue()


def test_a_single_job_is_shown_byte_for_byte() -> None:
    """Nothing is added, not even a newline behind a last line that has none."""
    records = [record(b"a\x00\xff\x1b[1m"), record(b"no end", partial=True)]
    assert printed(["a"], [("a", each) for each in records]) == b"a\x00\xff\x1b[1m\nno end"


def test_a_terminal_gets_harmless_lines() -> None:
    """What would act on a terminal is shown as text, and the last line is ended."""
    records = [record(b"\x1b[2J"), record(b"no end", partial=True)]
    shown = printed(["a"], [("a", each) for each in records], terminal=True)
    assert shown == b"\\x1b[2J\nno end\n"


def test_several_jobs_get_aligned_prefixes() -> None:
    """Each line stands behind the name of its job."""
    records = [("a", record(b"one")), ("long", record(b"two"))]
    assert printed(["a", "long"], records) == b"a    | one\nlong | two\n"


def test_prefixes_are_coloured_apart() -> None:
    """On a terminal each job has a colour of its own."""
    records = [("a", record(b"one")), ("b", record(b"two"))]
    shown = printed(["a", "b"], records, terminal=True, colour=True)
    assert shown == b"\x1b[36ma | \x1b[0mone\n\x1b[35mb | \x1b[0mtwo\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_line_that_another_job_interrupts_is_broken_off(stream: Stream) -> None:
    """Its rest gets a line of its own, so no line ever holds the words of two jobs."""
    records = [
        ("a", record(b"begin", partial=True)),
        ("b", record(b"whole", stream=stream)),
        ("a", record(b"end")),
    ]
    assert printed(["a", "b"], records) == b"a | begin\nb | whole\na | end\n"


def test_the_pieces_of_a_long_line_stay_together() -> None:
    """As long as nothing comes between, they are one line with one time."""
    records = [("a", record(b"be", partial=True)), ("a", record(b"gin"))]
    assert printed(["a"], records, timestamps=True) == f"{TIME} begin\n".encode()
