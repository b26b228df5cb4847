"""Where the output of an attempt goes: the one place that knows all drivers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, TypeAlias

from runtime.existence import is_there
from supervisor.logs.destination import LogDestination
from supervisor.logs.errors import LogError
from supervisor.logs.events import LogEvent
from supervisor.logs.journald import JournaldWriter, LogOrigin
from supervisor.logs.writer import LogLimits, LogWriter

LogDriver: TypeAlias = Literal["file", "journald"]

_MARK = "journald"
"""A file of this name stands in the place of a log that is in the systemd journal."""


def open_log(
    directory: str,
    spool: str,
    origin: LogOrigin,
    *,
    driver: LogDriver,
    limits: LogLimits,
    on_event: Callable[[LogEvent], None],
) -> LogDestination:
    """Begin the log of an attempt in `directory`, which is made, or go on with it.

    What was begun with one driver goes on with it, whatever the job asks for by now. Raises
    LogError.
    """
    mark = os.path.join(directory, _MARK)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if driver == "journald" and not is_there(spool):
            os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        journal = is_there(mark)
    except OSError as error:
        raise LogError(f"make log {error.filename}: {error.strerror}") from error
    if journal:
        return JournaldWriter(spool, origin, on_event=on_event)
    return LogWriter(directory, spool, limits=limits, on_event=on_event)


def is_in_journal(directory: str) -> bool:
    """Whether the output that would be in `directory` is in the systemd journal."""
    return os.path.exists(os.path.join(directory, _MARK))
