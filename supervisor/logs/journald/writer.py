"""The output of one attempt, sent to the systemd journal line by line.

Nothing that happens to the journal reaches the job, but that it waits: while the journal is busy,
output stays in its pipe, as that of a systemd service does. A journal that takes nothing for
`PATIENCE` seconds, or is not there, is left alone for a while: output is read, dropped and
counted; that is said once, and once more with the counts when an entry gets through again.

The spools outlive a killed supervisor. A writer that is opened on the same ones goes on where the
dead one was, in the middle of a line too: no line is missing, and only the one that was being
sent at that moment may come twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Self

from attrs import define

from runtime.kernel import LOG_BATCH, LOG_DRAINED, LOG_END, LOG_HELD, LogPump
from supervisor.logs.destination import PATIENCE, RETRY_SECONDS, TURN, Turn
from supervisor.logs.events import LogEvent, LogLossCounted, LogWriteFailed
from supervisor.logs.journald.connection import JOURNAL_SOCKET, JournaldConnection
from supervisor.logs.journald.entry import Line, LogOrigin, entry, fields_of, split_lines
from supervisor.logs.records import STREAMS, Stream
from supervisor.logs.spool import open_spool

_LAST = 256


@define(eq=False)
class _Channel:
    """One stream on its way."""

    pump: LogPump
    connection: JournaldConnection
    fields: bytes
    busy_since: float | None = None


class JournaldWriter:
    """Sends what `origin` writes; its spools are ``SPOOL.STREAM``, made if absent.

    Made new or gone on with alike. Raises LogError where a spool cannot be had.
    """

    def __init__(
        self,
        spool: str,
        origin: LogOrigin,
        *,
        on_event: Callable[[LogEvent], None],
        clock: Callable[[], float] = time.monotonic,
        journal: str = JOURNAL_SOCKET,
    ) -> None:
        self._on_event = on_event
        self._clock = clock
        self._journal = journal
        self._channels = {
            stream: _Channel(
                pump=open_spool(f"{spool}.{stream}", holds_lines=True),
                connection=JournaldConnection(journal),
                fields=fields_of(origin, stream),
            )
            for stream in STREAMS
        }
        self._failing = any(channel.pump.losses[0] for channel in self._channels.values())
        self._retry_at = 0.0
        self._batch = b""
        self._last_line = b""

    @property
    def last_line(self) -> bytes:
        """The beginning of the newest line that is not empty; empty after a restart."""
        return self._last_line

    @property
    def batch(self) -> bytes:
        """The raw bytes that the last turn read, if its budget was 1."""
        return self._batch

    def pump(self, stream: Stream, pipe: int, budget: int = TURN) -> Turn:
        """Move what is in `pipe` to the journal until it is empty or `budget` bytes were read.

        Goes on with what a turn that the journal was too busy for has left. Raises OSError only
        where `pipe` is no pipe that can be read.
        """
        channel = self._channels[stream]
        budget = min(budget, LOG_BATCH)  # an entry costs much more than a record of a file
        count = 0
        while True:
            outcome, read = channel.pump.take(STREAMS.index(stream), pipe)
            count += read
            if read > 0:
                self._batch = channel.pump.batch()
            if not self._deliver(channel, ended=outcome == LOG_END):
                return Turn(count, drained=False, ended=False, busy=channel.connection.fileno())
            if outcome in (LOG_DRAINED, LOG_END) or count >= budget:
                return Turn(count, outcome == LOG_DRAINED, outcome == LOG_END)

    def close(self) -> None:
        """Send unfinished lines as they are, and close; losses are told."""
        for channel in self._channels.values():
            if not self._deliver(channel, ended=True):
                self._give_up(channel, "busy")
        if self._failing:
            self._tell_losses(recovered=False)
        for channel in self._channels.values():
            channel.pump.close()
            channel.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _deliver(self, channel: _Channel, *, ended: bool) -> bool:
        """Send all whole lines, or drop them; false where a busy journal is to be waited for."""
        if self._failing and self._clock() < self._retry_at:
            channel.pump.drop(-1)
            return True
        try:
            for line in split_lines(channel.pump.pending(), LOG_HELD, ended=ended):
                channel.connection.send(entry(channel.fields, line))
                channel.pump.delivered(line.size)
                self._note_delivery(channel, line)
        except BlockingIOError:
            if self._may_wait(channel):
                return False
            self._give_up(channel, "busy")
        except OSError as error:
            self._give_up(channel, os.strerror(error.errno) if error.errno else str(error))
        channel.pump.hold()
        return True

    def _note_delivery(self, channel: _Channel, line: Line) -> None:
        channel.busy_since = None
        if line.text:
            self._last_line = line.text[:_LAST]
        if self._failing:
            self._tell_losses(recovered=True)

    def _may_wait(self, channel: _Channel) -> bool:
        now = self._clock()
        if channel.busy_since is None:
            channel.busy_since = now
        return not self._failing and now - channel.busy_since < PATIENCE

    def _give_up(self, channel: _Channel, cause: str) -> None:
        channel.pump.drop(-1)
        channel.busy_since = None
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self._failing:
            self._failing = True
            self._on_event(LogWriteFailed(path=self._journal, cause=f"systemd journal: {cause}"))

    def _tell_losses(self, *, recovered: bool) -> None:
        losses = [channel.pump.losses for channel in self._channels.values()]
        self._on_event(
            LogLossCounted(
                path=self._journal,
                bytes=sum(lost_bytes for lost_bytes, _ in losses),
                lines=sum(lost_lines for _, lost_lines in losses),
                recovered=recovered,
            )
        )
        for channel in self._channels.values():
            channel.pump.clear_losses()
        self._failing = False
