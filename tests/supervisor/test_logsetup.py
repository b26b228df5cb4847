"""The supervisor's own log: readable by people or programs, and never in the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

PIPE_SIZE = 64 * 1024
PROGRAM = """
import sys
from supervisor.logsetup import configure_log
import structlog

log = structlog.stdlib.get_logger()
configure_log({level!r}, console={console}, colour={colour})
for line in sys.stdin:
    log.info("hello", line=line.strip())
    log.debug("whisper")
    print("done", flush=True)
"""


class Logger:
    """A process that logs once for each line it is sent."""

    def __init__(self, *, level: str = "info", console: bool = False, colour: bool = False) -> None:
        self.stderr, stderr = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(level=level, console=console, colour=colour)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        self.writer = stderr

    def log(self, line: str) -> None:
        """Let it log, and return when it has."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def said(self) -> list[str]:
        """The lines that are in the pipe."""
        return os.read(self.stderr, 2 * PIPE_SIZE).decode().splitlines()

    def close(self) -> None:
        """End it."""
        self.process.communicate()
        os.close(self.writer)
        os.close(self.stderr)


@pytest.fixture
def loggers() -> Iterator[list[Logger]]:
    """Close all loggers that a test has put there."""
    made: list[Logger] = []
    yield made
    for logger in made:
        logger.close()


def test_programs_get_a_json_document_in_each_line(loggers: list[Logger]) -> None:
    """Event, level, time in UTC and all values, and nothing below the level that was asked for."""
    loggers.append(Logger())
    loggers[0].log("a")
    (document,) = map(json.loads, loggers[0].said())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", document.pop("timestamp"))
    assert document == {"event": "hello", "level": "info", "line": "a"}


def test_people_get_a_line_in_colour(loggers: list[Logger]) -> None:
    """The same for the eye, with colours only where they are wanted."""
    loggers += [Logger(console=True, colour=True, level="debug"), Logger(console=True)]
    for logger in loggers:
        logger.log("a")
    coloured, plain = (logger.said() for logger in loggers)
    assert "\x1b[" in coloured[0]
    assert len(coloured) == 2
    assert re.fullmatch(r"[0-9T:.Z-]+ \[info +\] hello +line=a", plain[0])


def test_a_log_that_nobody_reads_holds_up_nothing(loggers: list[Logger]) -> None:
    """Lines that are not taken are dropped, and the next one that is says how many they were."""
    loggers.append(Logger())
    (logger,) = loggers
    os.write(logger.writer, b"x" * PIPE_SIZE)
    logger.log("lost")
    logger.log("lost")
    logger.said()
    logger.log("seen")
    (document,) = map(json.loads, logger.said())
    assert (document["line"], document["dropped"]) == ("seen", 2)


def test_a_log_whose_reader_has_gone_holds_up_nothing(loggers: list[Logger]) -> None:
    """The process goes on without a log."""
    loggers.append(Logger())
    (logger,) = loggers
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, logger.stderr)  # whereby the only reader of the pipe goes
    os.close(null)
    logger.log("a")
    logger.log("b")
    assert logger.process.poll() is None
