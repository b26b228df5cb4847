"""The log of one attempt, written: both streams in arrival order, rotated, whatever the disk does.

Nothing that happens to the disk reaches the job. While the log cannot be written, output is read,
dropped and counted; that is said once, and once more with the counts when writing works again.
Whole records only: a reader never sees what a failed or interrupted write has left behind.

The spool outlives a killed supervisor. A writer that is opened on the same files goes on exactly
where the dead one was, with every byte in the log once (native/logpump.h says why).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Self

from attrs import field, frozen

from runtime.errors import SpecError
from runtime.kernel import (
    LOG_DRAINED,
    LOG_END,
    LOG_FAILED,
    LOG_FULL,
    LOG_RECORD,
)
from supervisor.logs.destination import RETRY_SECONDS, TURN, Turn
from supervisor.logs.events import LogEvent, LogLossCounted, LogWriteFailed
from supervisor.logs.files import current_path, rotate
from supervisor.logs.records import STREAMS, Stream
from supervisor.logs.repair import repair
from supervisor.logs.spool import open_spool

SMALLEST = 2 * LOG_RECORD


@frozen(kw_only=True)
class LogLimits:
    """How much of a log is kept: `max_files` files, none of them above `max_size` bytes.

    With `compress`, all but the newest are compressed some time after they are complete.
    """

    max_size: int = field(default=10 * 1024 * 1024)
    max_files: int = field(default=5)
    compress: bool = False

    @max_size.validator
    def _check_size(self, _: object, value: int) -> None:
        if value < SMALLEST:
            raise SpecError("log.max_size", f"{value} bytes is below the minimum of {SMALLEST}")

    @max_files.validator
    def _check_files(self, _: object, value: int) -> None:
        if value < 1:
            raise SpecError("log.max_files", f"{value} is not a positive number")


class LogWriter:
    """Writes the files in `directory`; `spool` is a file on a memory file system, made if absent.

    Made new or gone on with alike. Raises LogError where the spool cannot be had.
    """

    def __init__(
        self,
        directory: str,
        spool: str,
        *,
        limits: LogLimits,
        on_event: Callable[[LogEvent], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._rotate_files = _rotation(directory, limits)
        self._on_event = on_event
        self._clock = clock
        self._log = -1
        self._pump = open_spool(spool)
        self._place_is_known = not self._pump.fresh
        self._failing = self._pump.losses[0] > 0
        self._retry_at = 0.0
        self._settle()

    @property
    def path(self) -> str:
        """The file that is written to."""
        return current_path(self._directory)

    @property
    def last_line(self) -> bytes:
        """The beginning of the newest output that is not empty; empty after a restart."""
        return self._pump.last_line

    @property
    def batch(self) -> bytes:
        """The raw bytes that the last turn read, if its budget was 1."""
        return self._pump.batch()

    def pump(self, stream: Stream, pipe: int, budget: int = TURN) -> Turn:
        """Move what is in `pipe` to the log until it is empty or `budget` bytes were read.

        A batch is never split: the budget may be exceeded by one. Raises OSError only where
        `pipe` is no pipe that can be read.
        """
        number = STREAMS.index(stream)
        count = 0
        while True:
            log = self._target()
            outcome, read = self._pump.run(
                number, pipe, log, self._limits.max_size, max(0, budget - count)
            )
            count += read
            if self._settled(outcome, log):
                if self._failing and read > 0:
                    self._tell_losses(recovered=True)
                return Turn(count, outcome == LOG_DRAINED, outcome == LOG_END)

    def close(self) -> None:
        """Close the files; losses that nothing has followed are told."""
        if self._failing:
            self._tell_losses(recovered=False)
        self._pump.close()
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self) -> None:
        """Finish the batch that a dead supervisor has left."""
        while True:
            log = self._target()
            if self._settled(self._pump.flush(log, self._limits.max_size), log):
                return

    def _settled(self, outcome: int, log: int) -> bool:
        """Deal with a log that is full or fails; whether the pump had neither."""
        if outcome == LOG_FULL:
            if log < 0 or not self._rotate():
                self._pump.drop(self._log)
            return False
        if outcome == LOG_FAILED:
            if log >= 0:
                self._fail(os.strerror(self._pump.error))
            self._pump.drop(self._log)
            return False
        return True

    def _target(self) -> int:
        """The descriptor to write to; -1, which no write accepts, while that is hopeless."""
        if self._failing and self._clock() < self._retry_at:
            return -1
        if self._log < 0:
            try:
                self._open()
            except OSError as error:
                self._fail(f"open: {error.strerror}")
        return self._log

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        log = os.open(self.path, flags, 0o600)
        try:
            if not self._place_is_known:
                self._pump.place(*repair(log))
                self._place_is_known = True
            size = os.fstat(log).st_size
        except OSError:
            os.close(log)
            raise
        # Shorter than the spool knows it: the supervisor died after a rotation.
        if size < self._pump.offset:
            self._pump.place(size, self._pump.open_streams)
        self._log = log

    def _rotate(self) -> bool:
        try:
            self._rotate_files()
            os.close(self._log)
            self._log = -1
            self._open()
        except OSError as error:
            self._fail(f"rotate: {error.strerror}")
            return False
        return True

    def _fail(self, cause: str) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self._failing:
            self._failing = True
            self._on_event(LogWriteFailed(path=self.path, cause=cause))

    def _tell_losses(self, *, recovered: bool) -> None:
        lost_bytes, lost_lines = self._pump.losses
        self._on_event(
            LogLossCounted(path=self.path, bytes=lost_bytes, lines=lost_lines, recovered=recovered)
        )
        self._pump.clear_losses()
        self._failing = False


def _rotation(directory: str, limits: LogLimits) -> Callable[[], None]:
    if not limits.compress:
        return partial(rotate, directory, limits.max_files)
    # Only who compresses needs the means to do so.
    from supervisor.logs.compression import CompressedArchive

    return partial(CompressedArchive(directory).rotate, limits.max_files)
