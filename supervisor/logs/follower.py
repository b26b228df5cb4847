"""Reading a log while it is written, woken by the kernel and never by a clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import trio

from runtime.cgroups.notices import Notices
from runtime.errors import ContainerError
from supervisor.logs.cursor import LogCursor
from supervisor.logs.errors import LogError
from supervisor.logs.query import LogQuery
from supervisor.logs.records import LogRecord


class LogFollower:
    """The records of an attempt's log as they come; goes on through rotations and restarts.

    Iterate over it with ``async for``. It stops after `end` was called and all that the log held
    then has come. Close it, or use it as a context manager. `notices` may be shared. Raises
    LogError where there is no directory to follow or a file cannot be opened.
    """

    def __init__(self, directory: str, query: LogQuery, notices: Notices) -> None:
        # Watched before it is read: what is written in between is not missed.
        try:
            self._notice = notices.watch(directory)
        except ContainerError as error:
            raise LogError(f"follow log: {error}") from error
        try:
            self._cursor = LogCursor(directory, query, follow=True)
        except LogError:
            self._notice.close()
            raise
        self._ready: Iterator[LogRecord] = iter(())
        self._ended = False
        self._waiting: trio.CancelScope | None = None

    @property
    def missed(self) -> int:
        """How often the log was rotated so fast that files went before they were read."""
        return self._cursor.missed

    def end(self) -> None:
        """The attempt is over: nothing more will be written."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Close the files and the watch."""
        self._notice.close()
        self._cursor.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LogRecord:
        record = next(self._ready, None)
        while record is None:
            await trio.lowlevel.checkpoint()
            ended = self._ended
            records = self._cursor.read()
            if not records and ended:
                raise StopAsyncIteration
            if not records:
                await self._wait()
            self._ready = iter(records)
            record = next(self._ready, None)
        return record

    async def _wait(self) -> None:
        with trio.CancelScope() as self._waiting:
            if not self._ended:
                await self._notice.wait()
        self._waiting = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
