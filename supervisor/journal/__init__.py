"""The state database: what was run, when, and how it went.

SQLite, one file, write-ahead log. A transition is committed before it is acted on, so after a
crash the journal is never behind what was done.
"""

from __future__ import annotations

from supervisor.journal.reader import JournalReader
from supervisor.journal.records import (
    AttemptRecord,
    AttemptResult,
    EventKind,
    EventRecord,
    JournalCorrupt,
    JournalError,
    RunRecord,
    SessionRecord,
    is_void,
    result_of,
)
from supervisor.journal.writer import Journal

__all__ = [
    "AttemptRecord",
    "AttemptResult",
    "EventKind",
    "EventRecord",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "JournalReader",
    "RunRecord",
    "SessionRecord",
    "is_void",
    "result_of",
]
