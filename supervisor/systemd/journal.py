"""The way of the supervisor's own log to the systemd journal, with fields and priorities.

Like the log on stderr it holds nothing up and never fails: a line that the journal does not take
is dropped, and the next one that it takes says how many were.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from structlog.typing import EventDict, WrappedLogger

from supervisor.logs.journald import JournaldConnection
from supervisor.systemd.entry import own_entry


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether what is written to the descriptor goes to the journal.

    A child of a service may have the variable and a stream of its own, so both are compared.
    """
    try:
        stream = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


class JournalOutlet:
    """Sends entries for as long as the journal takes them at once."""

    def __init__(self, connection: JournaldConnection) -> None:
        self._connection = connection
        self._dropped = 0

    def render(self, _: WrappedLogger, level: str, event: EventDict) -> bytes:
        """The last step of structlog's: the entry of an event."""
        return own_entry(level, {**event, "dropped": self._dropped} if self._dropped else event)

    def write(self, entry: bytes) -> None:
        """Send an entry."""
        try:
            self._connection.send(entry)
        except OSError:
            self._dropped += 1
        else:
            self._dropped = 0

    debug = info = warning = error = critical = write
