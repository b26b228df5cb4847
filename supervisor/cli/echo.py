"""The output of all jobs as it comes: one line after the other, each behind the job's name.

Who does not read holds up the jobs that have something to say, and nothing else. Who has gone
away holds up nothing: the echo ends, the jobs and their logs go on.
"""

from __future__ import annotations

import os
import select
from collections.abc import Collection, Sequence

import structlog
import trio

from supervisor.logs import LineSink, Stream, neutralise
from supervisor.service import Service, Watcher

log = structlog.stdlib.get_logger()

PATIENCE = 1.0
"""Seconds that a reader who reads nothing may take once everything is to end."""


class Echo:
    """Writes to the descriptor `output`, which is left as it is: others may share it."""

    def __init__(self, output: int, jobs: Collection[str], *, terminal: bool) -> None:
        self._output = output
        self._terminal = terminal
        self._width = max(map(len, jobs), default=0)
        self._lock = trio.Lock()
        self._waiting: trio.CancelScope | None = None
        self._deadline = float("inf")
        self._ended = False

    @property
    def watcher(self) -> Watcher:
        """What a supervisor tells of its lines to."""
        return Watcher(changed=lambda _: None, sink=self._sink)

    async def show(self, service: Service) -> None:
        """Run beside the service."""
        await service.scheduler.shutting_down.wait()
        # Where nobody reads, a job could not end, because its output would never be all read.
        self._deadline = trio.current_time() + PATIENCE
        if self._waiting is not None:
            self._waiting.deadline = self._deadline

    def _sink(self, job: str) -> LineSink:
        prefix = f"{job:<{self._width}} | ".encode()

        async def show(_: Stream, lines: Sequence[bytes]) -> None:
            if self._terminal:
                lines = [neutralise(line).encode() for line in lines]
            await self._write(b"".join([prefix + line + b"\n" for line in lines]))

        return show

    async def _write(self, data: bytes) -> None:
        async with self._lock:
            done = 0
            while done < len(data) and not self._ended:
                try:
                    if not self._is_ready():
                        await self._wait()
                        continue
                    # A pipe that is ready takes this much without blocking, and as a whole
                    # (pipe(7)). It ends with a line where it can, as stderr may be the same pipe.
                    limit = done + select.PIPE_BUF
                    end = data.rfind(b"\n", done, limit) + 1 or limit
                    done += os.write(self._output, data[done:end])
                except BlockingIOError:
                    await self._wait()
                except OSError as error:
                    self._end(os.strerror(error.errno).lower() if error.errno else str(error))

    def _is_ready(self) -> bool:
        poll = select.poll()
        poll.register(self._output, select.POLLOUT)
        return bool(poll.poll(0))

    async def _wait(self) -> None:
        """Return when the reader has made room; end the echo where it takes too long."""
        with trio.CancelScope(deadline=self._deadline) as self._waiting:
            await trio.lowlevel.wait_writable(self._output)
        if self._waiting.cancelled_caught:
            self._end("nobody reads it")
        self._waiting = None

    def _end(self, cause: str) -> None:
        self._ended = True
        log.info("output is no longer shown, the jobs go on", cause=cause)
