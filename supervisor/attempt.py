"""One attempt: a container from its first line in the journal to its last.

An attempt is over only when its first process is reaped, every process of its cgroup is gone,
and its output pipes are at end-of-file. Whatever goes wrong on the way, nothing of the container
is left, and the result says what is known.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
import trio
from attrs import define, field, frozen

from runtime.cgroups import CgroupGone, Usage
from runtime.container import Container, Execution, Exit, Runtime
from runtime.errors import ContainerError, StartError
from runtime.execspec import load_inherited
from runtime.images.image import Image
from runtime.oomcause import OomVictim
from runtime.process import boottime, started_at
from supervisor.containerspec import container_spec, names_image, stop_signal
from supervisor.control import StopWish
from supervisor.health import Health
from supervisor.healthplan import HealthPlan, health_plan
from supervisor.healthwatch import watch_health
from supervisor.images import image_of, known_image_of
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptResult
from supervisor.logs import (
    LineSink,
    LogDestination,
    LogError,
    LogEvent,
    LogLimits,
    LogOrigin,
    open_log,
    pump_stream,
)
from supervisor.rebuild import Document
from supervisor.states import AttemptEnd, StopCause, classify
from supervisor.wording import describe_end

START_FAILED = 125
_PATIENCE = 2.0
"""Seconds for PID 1 to end all others when the command was killed, before it is killed as well."""

log = structlog.stdlib.get_logger()


class AttemptObserver(Protocol):
    """Who is told what happens in an attempt while it happens."""

    def running(self, pid: int | None) -> None:
        """The command has been executed; `pid` is None where it has ended since."""

    def health(self, health: Health, detail: str) -> None:
        """What the tests of the job say has changed; `detail` is what the last one printed."""

    def stopping(self, cause: StopCause) -> None:
        """The attempt is being ended from outside."""

    def asked_to_end(self, number: int) -> None:
        """The command was sent the signal that asks it to end."""

    def ended(self, result: AttemptResult) -> None:
        """The attempt is over. What it left on the machine is removed after this has returned."""

    def out_of_memory(self, kills: int, usage: Usage, victims: Sequence[OomVictim]) -> None:
        """The kernel has killed processes of the container; `kills` of them up to now."""

    def log_event(self, event: LogEvent) -> None:
        """The log could not be written, or can be again."""


@frozen(kw_only=True)
class AttemptPlace:
    """Where an attempt runs and writes."""

    runtime: Runtime
    container: str
    document: Document
    """Lies beside the container, for whoever finds it."""
    logs: str
    """Directory of its log files."""
    sink: LineSink | None
    """Takes the lines of output as they come."""
    keep: str | None
    """The writable layer that it takes over from the attempt before, and leaves to the next."""


@frozen
class StopBegun:
    """An end that a former supervisor had begun: why, and when by CLOCK_BOOTTIME in seconds."""

    cause: StopCause
    at: float


@define(eq=False, kw_only=True)
class Attempt:
    """A running attempt. `run` carries it out, `resume` goes on with one of a former supervisor."""

    job: JobSpec
    place: AttemptPlace
    observer: AttemptObserver
    wish: StopWish
    container: Container | None = field(default=None, init=False)
    writer: LogDestination | None = field(default=None, init=False)
    oom_kills_told: int = field(default=0, init=False)
    """How many kills the observer knows of, those told by a former supervisor included."""
    health_told: Health | None = field(default=None, init=False)
    """What the observer knows of its health, from a former supervisor."""
    _stop_signal: int = field(default=int(signal.SIGTERM), init=False)
    _health: HealthPlan | None = field(default=None, init=False)
    """How it is tested."""
    _ended_by: StopCause | None = field(default=None, init=False)
    """What reached the command while it was alive; a wish that came too late is none."""
    _stop_begun: StopBegun | None = field(default=None, init=False)
    _executed: bool = field(default=False, init=False)
    _result: AttemptResult | None = field(default=None, init=False)
    """What the observer was told, once it was."""

    async def run(self) -> AttemptResult:
        """Run the container to its end and say how it went; raises nothing on the job's account."""
        began = boottime()
        try:
            image = await self._image()
            spec = container_spec(self.job, self.place.container, image, self.place.keep)
            self._stop_signal = spec.stop_signal
            self._health = health_plan(self.job.healthcheck, image)
            async with self.place.runtime.container(spec) as container:
                with self._kept_on_fault(container), self._open_log(container) as self.writer:
                    self._write_document(container)
                    await container.start()
                    self._executed = True
                    return await self._follow(container, self.writer, began)
        except ContainerError as error:
            return self._result_after(error, boottime() - began)

    async def _image(self) -> Image | None:
        """The image of the store that the job names; unpacking it may take long."""
        if not names_image(self.job):
            return None
        directories = self.place.runtime.directories
        return await trio.to_thread.run_sync(image_of, self.job, directories)

    async def resume(self, stop: StopBegun | None) -> AttemptResult | None:
        """Go on with a container that a former supervisor started.

        None if its command was never executed, so that nothing would be done twice by another
        attempt.
        """
        self._stop_begun = stop
        self._executed = True  # as far as anybody can tell
        began = boottime()
        with suppress(ContainerError):  # where the image has changed, this may have as well
            known = known_image_of(self.job, self.place.runtime.directories)
            self._stop_signal = stop_signal(self.job, known)
            self._health = health_plan(self.job.healthcheck, known)
        try:
            async with self.place.runtime.adopted(self.place.container) as container:
                with self._kept_on_fault(container):
                    if not await container.confirm_adopted():
                        return None
                    self._write_document(container)  # if no supervisor has started it
                    if container.process is not None:
                        began = started_at(container.process.pid)
                    with self._open_log(container) as self.writer:
                        return await self._follow(container, self.writer, began)
        except CgroupGone:
            return self._result
        except ContainerError as error:
            return self._result_after(error, boottime() - began)

    @contextmanager
    def _kept_on_fault(self, container: Container) -> Iterator[None]:
        """Leave the container alone when it is the supervisor that fails, as if it had been killed.

        A state database on a full disk, no descriptor left to look at a cgroup with, or a mistake
        in this program is no reason to end a job: the next supervisor takes it up. What ends it
        is that it cannot be started.
        """
        try:
            yield
        except BaseException as error:
            if self._is_fault(error):
                container.release()
            raise

    def _is_fault(self, error: BaseException) -> bool:
        if isinstance(error, ContainerError) and not self._executed:
            return False
        return not isinstance(error, StartError)

    def _result_after(self, error: ContainerError, elapsed: float) -> AttemptResult:
        if self._result is not None:
            # It is over all the same, and what is left of it is removed when all jobs have ended.
            log.warning("container not removed", job=self.job.name, cause=str(error))
            return self._result
        if self._is_fault(error):
            raise error
        return self._not_started(error, elapsed)

    async def _follow(
        self, container: Container, writer: LogDestination, began: float
    ) -> AttemptResult:
        self.container = container
        container.suppose_init(present=self.job.init)
        try:
            exit_ = await self._watch(container, writer, began)
        finally:
            self.container = None
        self._tell_kills(exit_.usage)  # the notice may have come too late for the watch
        # Before the container's exit record and cgroup go, which are the only other witnesses.
        return self._tell_end(self._ended(exit_, boottime() - began))

    def _tell_end(self, result: AttemptResult) -> AttemptResult:
        self.observer.ended(result)
        self._result = result
        return result

    def _write_document(self, container: Container) -> None:
        try:
            self.place.document.write(container.directory)
        except OSError as error:
            raise ContainerError(f"write {error.filename}: {error.strerror}") from error

    def _open_log(self, container: Container) -> LogDestination:
        log, document = self.job.log, self.place.document
        try:
            return open_log(
                self.place.logs,
                f"{container.directory.runtime}/spool",
                LogOrigin(
                    job=document.job,
                    run=document.run,
                    attempt=document.attempt,
                    container=document.container,
                ),
                driver=log.driver,
                limits=LogLimits(
                    max_size=log.max_size, max_files=log.max_files, compress=log.compress
                ),
                on_event=self.observer.log_event,
            )
        except LogError as error:
            raise ContainerError(
                f"open the log of container {self.place.container}: {error}"
            ) from error

    async def _watch(self, container: Container, writer: LogDestination, began: float) -> Exit:
        """Everything that happens between the start and the end of the container."""
        self.observer.running(None if container.process is None else container.process.pid)
        ending = trio.Event()
        async with trio.open_nursery() as watchers:
            watchers.start_soon(self._watch_memory, container)
            watchers.start_soon(self._watch_health, container, began)
            watchers.start_soon(self._end_when_asked, container, began)
            async with trio.open_nursery() as pumps:
                for stream, pipe in container.outputs():
                    pumps.start_soon(
                        partial(
                            pump_stream, pipe, writer, stream, ending=ending, sink=self.place.sink
                        )
                    )
                try:
                    exit_: Exit | ContainerError = await container.wait()
                except ContainerError as error:
                    exit_ = error  # raised below, where it is not put into a group
                ending.set()
            watchers.cancel_scope.cancel()
        if isinstance(exit_, ContainerError):
            raise exit_
        return exit_

    async def _watch_memory(self, container: Container) -> None:
        if not container.cgroup.counts_memory:
            return
        watch = container.cgroup.watch_oom()
        try:
            while True:
                self._tell_kills(container.usage())
                self._kill_together(container)
                await watch.wait()
        finally:
            watch.close()

    async def _watch_health(self, container: Container, began: float) -> None:
        if self._health is not None:
            await watch_health(
                self._health,
                partial(self._start_test, container),
                self.observer.health,
                age=lambda: boottime() - began,
                paused=lambda: container.paused,
                health=self.health_told,
            )

    async def _start_test(self, container: Container, command: tuple[str, ...]) -> Execution:
        try:
            text = Path(container.directory.inherited).read_text()
        except OSError as error:
            raise ContainerError(f"read {error.filename}: {error.strerror}") from error
        spec = load_inherited(text, command)
        return await container.execute(spec, self.place.runtime.program)

    def _tell_kills(self, usage: Usage) -> None:
        if usage.oom_kills > self.oom_kills_told:
            self.oom_kills_told = usage.oom_kills
            self.observer.out_of_memory(usage.oom_kills, usage, self._victims())

    def _kill_together(self, container: Container) -> None:
        """Do what `oom_policy` asks for where the kernel cannot."""
        wanted = self.job.limits.oom_group and not container.cgroup.kills_together
        if wanted and self.oom_kills_told:
            (container.end if container.has_init else container.kill)()

    async def _end_when_asked(self, container: Container, began: float) -> None:
        """Kill at the deadline; on request, ask first and kill after the grace period."""
        grace = self.job.stop_grace_period
        if self._stop_begun is not None:
            self._ended_by = self._stop_begun.cause
            grace -= boottime() - self._stop_begun.at
            if self._ended_by == "deadline":
                self.wish.insist("deadline")
        else:
            await self._wait_for_wish(began)
            assert self.wish.cause is not None
            self._ended_by = self.wish.cause
            if self.wish.grace is not None:
                grace = self.wish.grace
            self.observer.stopping(self.wish.cause)
        if not self.wish.at_once.is_set():
            container.signal(self._stop_signal)
            self.observer.asked_to_end(self._stop_signal)
            with trio.move_on_after(max(0.0, grace)):
                await self.wish.at_once.wait()
        if container.has_init:
            container.end()
            # Cancelled once it has ended. A frozen one does not end by itself.
            await trio.sleep(_PATIENCE)
        container.kill()

    async def _wait_for_wish(self, began: float) -> None:
        limit = float("inf")
        if self.job.timeout is not None:
            limit = max(0.0, self.job.timeout - (boottime() - began))
        with trio.move_on_after(limit) as deadline:
            await self.wish.asked.wait()
        if deadline.cancelled_caught:
            self.wish.insist("deadline")

    def _victims(self) -> list[OomVictim]:
        return self.place.runtime.kernel_log.victims(self.place.container)

    def _not_started(self, error: ContainerError, elapsed: float) -> AttemptResult:
        code = error.code if isinstance(error, StartError) else START_FAILED
        reason, exit_code = classify(AttemptEnd(start_code=code, stop=self._ended_by))
        return self._tell_end(
            AttemptResult(
                reason=reason,
                detail=str(error),
                exit_code=exit_code,
                stop_cause=self._ended_by,
                ended=time.time(),
                elapsed=elapsed,
            )
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
            detail=describe_end(reason, exit_, self.job, self._ended_by, self._victims()),
            exit_code=exit_code,
            signal=exit_.signal,
            stop_cause=self._ended_by,
            ended=exit_.ended or time.time(),
            elapsed=elapsed if exit_.elapsed is None else exit_.elapsed,
            memory_peak=usage.memory_peak,
            cpu_seconds=usage.cpu_seconds,
            io_read=usage.io_read,
            io_write=usage.io_write,
            oom_kills=usage.oom_kills,
        )
