"""One attempt: a container from its first line in the journal to its last.

An attempt is over only when its first process is reaped, every process of its cgroup is gone,
and its output pipes are at end-of-file. Whatever goes wrong on the way, nothing of the container
is left, and the result says what is known.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Protocol

import trio
from attrs import define, field, frozen

from runtime.cgroups import Usage
from runtime.container import Container, Exit, Runtime
from runtime.errors import ContainerError, StartError
from supervisor.containerspec import container_spec
from supervisor.control import StopWish
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptResult
from supervisor.logs import (
    LineSink,
    LogError,
    LogEvent,
    LogLimits,
    LogWriter,
    pump_stream,
)
from supervisor.states import AttemptEnd, StopCause, classify
from supervisor.wording import describe_end

START_FAILED = 125


class AttemptObserver(Protocol):
    """Who is told what happens in an attempt while it happens."""

    def running(self, pid: int) -> None:
        """The command has been executed."""

    def stopping(self) -> None:
        """The attempt is being ended from outside."""

    def out_of_memory(self, kills: int, usage: Usage) -> None:
        """The kernel has killed processes of the container; `kills` of them up to now."""

    def log_event(self, event: LogEvent) -> None:
        """The log could not be written, or can be again."""


@frozen(kw_only=True)
class AttemptPlace:
    """Where an attempt runs and writes."""

    runtime: Runtime
    container: str
    logs: str
    """Directory of its log files."""
    sink: LineSink | None
    """Takes the lines of output as they come."""


@define(eq=False, kw_only=True)
class Attempt:
    """A running attempt; `run` carries it out."""

    job: JobSpec
    place: AttemptPlace
    observer: AttemptObserver
    wish: StopWish
    container: Container | None = field(default=None, init=False)
    writer: LogWriter | None = field(default=None, init=False)
    _ended_by: StopCause | None = field(default=None, init=False)
    """What reached the command while it was alive; a wish that came too late is none."""

    async def run(self) -> AttemptResult:
        """Run the container to its end and say how it went; raises nothing on the job's account."""
        began = time.monotonic()
        try:
            spec = container_spec(self.job, self.place.container)
            async with self.place.runtime.container(spec) as container:
                with self._open_log(container) as self.writer:
                    await container.start()
                    self.container = container
                    try:
                        exit_ = await self._watch(container, self.writer)
                    finally:
                        self.container = None
        except ContainerError as error:
            return self._not_started(error, time.monotonic() - began)
        return self._ended(exit_, time.monotonic() - began)

    def _open_log(self, container: Container) -> LogWriter:
        try:
            os.makedirs(self.place.logs, mode=0o700, exist_ok=True)
            return LogWriter(
                self.place.logs,
                f"{container.directory.runtime}/spool",
                limits=LogLimits(
                    max_size=self.job.log.max_size, max_files=self.job.log.max_files
                ),
                on_event=self.observer.log_event,
            )
        except (LogError, OSError) as error:
            raise StartError(f"open the log of container {self.place.container}: {error}") from error

    async def _watch(self, container: Container, writer: LogWriter) -> Exit:
        """Everything that happens between the start and the end of the container."""
        assert container.process is not None
        self.observer.running(container.process.pid)
        ending = trio.Event()
        async with trio.open_nursery() as watchers:
            watchers.start_soon(self._watch_memory, container)
            watchers.start_soon(self._end_when_asked, container)
            async with trio.open_nursery() as pumps:
                for stream, pipe in container.outputs():
                    pumps.start_soon(
                        partial(
                            pump_stream, pipe, writer, stream, ending=ending, sink=self.place.sink
                        )
                    )
                exit_ = await container.wait()
                ending.set()
            watchers.cancel_scope.cancel()
        return exit_

    async def _watch_memory(self, container: Container) -> None:
        watch = container.cgroup.watch_oom()
        seen = 0
        try:
            while True:
                await watch.wait()
                kills = container.cgroup.oom_kills()
                if kills > seen:
                    seen = kills
                    self.observer.out_of_memory(kills, container.usage())
        finally:
            watch.close()

    async def _end_when_asked(self, container: Container) -> None:
        """Kill at the deadline; on request, ask first and kill after the grace period."""
        limit = float("inf") if self.job.timeout is None else self.job.timeout
        with trio.move_on_after(limit) as deadline:
            await self.wish.asked.wait()
        if deadline.cancelled_caught:
            self.wish.insist("deadline")
        self._ended_by = self.wish.cause
        self.observer.stopping()
        if not self.wish.at_once.is_set():
            container.signal(self.job.stop_signal)
            with trio.move_on_after(self.job.stop_grace_period):
                await self.wish.at_once.wait()
        container.kill()

    def _not_started(self, error: ContainerError, elapsed: float) -> AttemptResult:
        code = error.code if isinstance(error, StartError) else START_FAILED
        reason, exit_code = classify(AttemptEnd(start_code=code, stop=self._ended_by))
        return AttemptResult(
            reason=reason,
            detail=str(error),
            exit_code=exit_code,
            ended=time.time(),
            elapsed=elapsed,
        )

    def _ended(self, exit_: Exit, elapsed: float) -> AttemptResult:
        usage = exit_.usage
        end = AttemptEnd(
            code=exit_.code,
            signal=exit_.signal,
            oom_kills=usage.oom_kills,
            stop=self._ended_by,
        )
        reason, exit_code = classify(end, self.job.success_codes)
        return AttemptResult(
            reason=reason,
            detail=describe_end(reason, exit_, self.job),
            exit_code=exit_code,
            signal=exit_.signal,
            ended=exit_.ended or time.time(),
            elapsed=elapsed if exit_.elapsed is None else exit_.elapsed,
            memory_peak=usage.memory_peak,
            cpu_seconds=usage.cpu_seconds,
            io_read=usage.io_read,
            io_write=usage.io_write,
            oom_kills=usage.oom_kills,
        )

