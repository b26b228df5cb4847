"""The supervisor's own log: lines on stderr for people or for programs, or the systemd journal.

Writing it never holds anything up and never fails: a line that nobody takes is dropped, and the
next one that is taken says how many were.
"""

from __future__ import annotations

import logging
import select
import sys
from collections.abc import Callable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from supervisor.logs.journald import JOURNAL_SOCKET, JournaldConnection
from supervisor.systemd.journal import JournalOutlet

_STDERR = 2


class _Outlet:
    """Writes lines to a stream as long as that would not block."""

    def __init__(self, stream: Callable[[], TextIO], descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._dropped = 0

    def take_dropped(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Add to an event how many were dropped before it."""
        if self._dropped and self._is_ready():
            event["dropped"] = self._dropped
            self._dropped = 0
        return event

    def write(self, line: str) -> None:
        """Write a line."""
        if not self._is_ready():
            self._dropped += 1
            return
        stream = self._stream()
        try:
            stream.write(f"{line}\n")
            stream.flush()
        except OSError:
            self._dropped += 1  # the reader has gone, or its disk is full

    debug = info = warning = error = critical = write

    def _is_ready(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))


def _current_stderr() -> TextIO:
    # Looked up for each line: the live table puts itself in its place while it is shown.
    return sys.stderr


def configure_log(level: str, *, console: bool, colour: bool) -> None:
    """Set up structlog for this process; `console` lines are for people, the others are JSON."""
    outlet = _Outlet(_current_stderr, _STDERR)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=colour)
        if console
        else structlog.processors.JSONRenderer()
    )
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        outlet.take_dropped,
        renderer,
    ]
    _configure(level, processors, outlet)


def configure_journal_log(level: str) -> None:
    """Set up structlog for this process, with the systemd journal as its log."""
    outlet = JournalOutlet(JournaldConnection(JOURNAL_SOCKET))
    _configure(level, [outlet.render], outlet)


def _configure(level: str, processors: list[Processor], outlet: _Outlet | JournalOutlet) -> None:
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=lambda *_: outlet,
        cache_logger_on_first_use=True,
    )
    # Libraries have nothing to say here: what matters reaches us as an exception.
    logging.getLogger().addHandler(logging.NullHandler())
