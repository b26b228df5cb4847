"""The output of jobs: written so that nothing is lost, read from any point, followed live."""

from __future__ import annotations

from supervisor.logs.destination import LogDestination
from supervisor.logs.errors import LogError
from supervisor.logs.events import LogEvent, LogLossCounted, LogWriteFailed
from supervisor.logs.follower import LogFollower
from supervisor.logs.journald import LogOrigin
from supervisor.logs.opening import LogDriver, is_in_journal, open_log
from supervisor.logs.pump import LineSink, pump_stream
from supervisor.logs.query import LogQuery, parse_moment
from supervisor.logs.reader import read_log
from supervisor.logs.records import LogRecord, Stream
from supervisor.logs.render import LogRenderer
from supervisor.logs.terminal import neutralise
from supervisor.logs.writer import LogLimits, LogWriter

__all__ = [
    "LineSink",
    "LogDestination",
    "LogDriver",
    "LogError",
    "LogEvent",
    "LogFollower",
    "LogLimits",
    "LogLossCounted",
    "LogOrigin",
    "LogQuery",
    "LogRecord",
    "LogRenderer",
    "LogWriteFailed",
    "LogWriter",
    "Stream",
    "is_in_journal",
    "neutralise",
    "open_log",
    "parse_moment",
    "pump_stream",
    "read_log",
]
