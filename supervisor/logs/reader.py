"""Reading what is in a log now."""

from __future__ import annotations

from collections.abc import Generator

from supervisor.logs.cursor import LogCursor
from supervisor.logs.query import LogQuery
from supervisor.logs.records import LogRecord


def read_log(directory: str, query: LogQuery) -> Generator[LogRecord, None, None]:
    """The records of an attempt's log that `query` asks for, oldest first.

    Ends with what was there at the first step, however much is written meanwhile. A directory
    without a log has no records. Raises LogError where a file cannot be opened.
    """
    cursor = LogCursor(directory, query, follow=False)
    try:
        while records := cursor.read():
            yield from records
    finally:
        cursor.close()
