"""The files that outlive a killed supervisor, so that its successor goes on exactly where it was.

They are on a memory file system; native/logpump.h says what is in them.
"""

from __future__ import annotations

import os

from runtime.kernel import LogPump
from supervisor.logs.errors import LogError


def open_spool(path: str, *, holds_lines: bool = False) -> LogPump:
    """The pump of a spool, which is made if absent. Raises LogError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            return LogPump(descriptor, holds_lines)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LogError(f"open log spool {path}: {error.strerror}") from error
