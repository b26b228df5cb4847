"""A log with its spool and two pipes, as an attempt has them, and what its readers get back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from supervisor.logs import LogEvent, LogLimits, LogQuery, LogRecord, LogWriter, Stream, read_log
from supervisor.logs.compression import WORKER, CompressedArchive

SMALL = LogLimits(max_size=33_000, max_files=1000)
"""Rotates often and loses nothing."""


class Scene:
    """Files below `top`; `events` is what all writers have said."""

    def __init__(self, top: Path) -> None:
        self.directory = str(top / "attempt")
        self.spool = str(top / "spool")
        self.events: list[LogEvent] = []
        self.now = 0.0
        """What writers take for the time of the monotonic clock."""
        self._orphans: list[int] = []
        self._ends: dict[Stream, tuple[int, int]] = {}
        os.makedirs(self.directory, exist_ok=True)

    def writer(self, limits: LogLimits = SMALL) -> LogWriter:
        """A writer as a starting supervisor opens it."""
        return LogWriter(
            self.directory,
            self.spool,
            limits=limits,
            on_event=self.events.append,
            clock=lambda: self.now,
        )

    def pipe(self, stream: Stream) -> tuple[int, int]:
        """The two ends of a stream's pipe, made when first asked for; both are non-blocking."""
        if stream not in self._ends:
            self._ends[stream] = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        return self._ends[stream]

    def send(self, writer: LogWriter, data: bytes, stream: Stream = "stdout") -> None:
        """Let the job write and the writer take it."""
        read_end, write_end = self.pipe(stream)
        while data:
            data = data[os.write(write_end, data) :]
            while not writer.pump(stream, read_end).drained:
                pass

    def hang_up(self, stream: Stream) -> int:
        """Let the last writer of a stream go; returns the read end."""
        read_end, write_end = self._ends.pop(stream)
        os.close(write_end)
        self._orphans.append(read_end)
        return read_end

    def close(self) -> None:
        """Close the pipes."""
        for end in self._orphans:
            os.close(end)
        for ends in self._ends.values():
            for end in ends:
                os.close(end)
        self._ends.clear()

    def read(self, query: LogQuery | None = None) -> list[LogRecord]:
        """The records of the log."""
        return list(read_log(self.directory, query or LogQuery()))

    def text(self, stream: Stream = "stdout") -> bytes:
        """The exact bytes of one stream."""
        return text_of(self.read(LogQuery(stream=stream)))

    def sizes(self) -> dict[str, int]:
        """The files of the log and their sizes."""
        return {path.name: path.stat().st_size for path in Path(self.directory).iterdir()}


def compress_all(directory: str) -> None:
    """Let what rotations have put away be compressed, and wait until it is."""
    CompressedArchive(directory)
    WORKER.submit(lambda: None).result()


def text_of(records: list[LogRecord]) -> bytes:
    """The bytes that the records of one stream stand for."""
    return b"".join(r.message if r.partial else r.message + b"\n" for r in records)


@contextmanager
def scene_in(top: Path) -> Iterator[Scene]:
    """A scene that closes its pipes."""
    scene = Scene(top)
    try:
        yield scene
    finally:
        scene.close()


def start(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    """Start a job that writes to `output`, a pipe that is made blocking for it."""
    os.set_blocking(output, True)
    return subprocess.Popen(command, stdout=output)
