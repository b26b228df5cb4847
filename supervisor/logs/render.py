"""Records made ready to be shown: whole lines with a prefix, or the exact bytes. Pure."""

from __future__ import annotations

from supervisor.logs.records import LogRecord, Stream
from supervisor.logs.terminal import neutralise


class LogRenderer:
    """Turns records into what goes to one output.

    Without `prefix` and `timestamps` and not for a terminal, the output is the exact bytes of the
    job. Otherwise a line of one stream that another interrupts is broken off and its rest gets a
    line of its own. `prefix` is text that is safe for the output, colours included.
    """

    def __init__(self, *, prefix: str = "", timestamps: bool = False, terminal: bool) -> None:
        self._prefix = prefix
        self._timestamps = timestamps
        self._terminal = terminal
        self._unfinished: Stream | None = None

    def render(self, record: LogRecord) -> bytes:
        """What to write for the next record."""
        if not (self._prefix or self._timestamps or self._terminal):
            return record.message if record.partial else record.message + b"\n"
        shown = b""
        if self._unfinished != record.stream:
            shown = b"" if self._unfinished is None else b"\n"
            shown += self._prefix.encode()
            shown += f"{record.time} ".encode() if self._timestamps else b""
        shown += neutralise(record.message).encode() if self._terminal else record.message
        self._unfinished = record.stream if record.partial else None
        return shown if record.partial else shown + b"\n"

    def finish(self) -> bytes:
        """What to write behind the last record."""
        return b"" if self._unfinished is None else b"\n"
