"""The output of jobs in the systemd journal."""

from __future__ import annotations

from supervisor.logs.journald.connection import JOURNAL_SOCKET, JournaldConnection
from supervisor.logs.journald.entry import LogOrigin, encode_field
from supervisor.logs.journald.writer import JournaldWriter

__all__ = [
    "JOURNAL_SOCKET",
    "JournaldConnection",
    "JournaldWriter",
    "LogOrigin",
    "encode_field",
]
