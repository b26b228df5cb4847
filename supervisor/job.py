"""One run of one job: waits for what it depends on, then makes attempts until one decides.

The only code that moves a run from state to state. Each transition is committed to the journal
before anything is done that follows from it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import trio
from attrs import define, field

from runtime.process import boottime
from supervisor.attempt import Attempt, StopBegun
from supervisor.containerspec import container_id
from supervisor.control import StopWish
from supervisor.dependencies import first_unmet
from supervisor.health import Health
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptRecord, AttemptResult, RunRecord, is_void, result_of
from supervisor.observer import RunObserver, log_end, log_loss, log_retry
from supervisor.rebuild import Document
from supervisor.restart import Retry, next_step
from supervisor.revision import definition
from supervisor.states import Event, Reason, RunState, StopCause, apply
from supervisor.wording import STOPPED
from supervisor.workshop import Outcome, Workshop


@define(eq=False, kw_only=True)
class JobRun:
    """A run of `spec`; `run` carries it out."""

    spec: JobSpec
    shop: Workshop
    number: int
    """The run's id in the journal."""
    state: RunState = RunState.PENDING
    attempts: int = 0
    attempt: Attempt | None = None
    result: AttemptResult | None = None
    """The newest attempt that has ended."""
    outcome: Outcome | None = None
    former: JobRun | None = None
    """A run of a job of this name that has gone from the file and may not have ended yet."""
    started: trio.Event = field(factory=trio.Event, init=False)
    """Set once an attempt's command has been executed."""
    tried: trio.Event = field(factory=trio.Event, init=False)
    """Set once an attempt's command has been executed, or could not be, or the run has ended."""
    healthy: trio.Event = field(factory=trio.Event, init=False)
    """Set once an attempt was found healthy."""
    ended: trio.Event = field(factory=trio.Event, init=False)
    wish: StopWish = field(factory=StopWish, init=False)
    _definitions: int = field(default=0, init=False)
    """How often the job was defined in another way."""
    _void: int = field(default=0, init=False)
    _pauses: int = field(default=0, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _interrupted_attempt: AttemptRecord | None = field(default=None, init=False)
    _waiting: trio.CancelScope | None = field(default=None, init=False)

    @classmethod
    def begin(cls, spec: JobSpec, shop: Workshop, former: JobRun | None = None) -> JobRun:
        """A new run of a job, committed to the journal; its container may be there already."""
        left = shop.running(spec.name)
        if left is not None and shop.journal.last_run(spec.name) is None:
            number = shop.journal.take_over(
                shop.session, spec.name, left.container, shop.boot, left.since
            )
            return cls.take_up(spec, shop, shop.journal.run(number))
        number = shop.journal.create_run(shop.session, spec.name, RunState.PENDING)
        return cls(spec=spec, shop=shop, number=number, former=former)

    @classmethod
    def take_up(cls, spec: JobSpec, shop: Workshop, record: RunRecord) -> JobRun:
        """A run that a former supervisor began, where it stands in the journal."""
        attempts = shop.journal.attempts(record.id)
        run = cls(
            spec=spec,
            shop=shop,
            number=record.id,
            state=record.state,
            attempts=attempts[-1].number if attempts else 0,
        )
        run._void = sum(is_void(attempt) for attempt in attempts)
        run._pauses = record.pauses
        run._retry_at = record.retry_at or 0.0
        if attempts:
            run._interrupted_attempt = attempts[-1]
            run.result = result_of(attempts[-1]) if attempts[-1].ended is not None else None
        if any(attempt.pid is not None for attempt in attempts):
            run.started.set()
        if any(attempt.health is Health.HEALTHY for attempt in attempts):
            run.healthy.set()
        if record.state.terminal:
            run.outcome = Outcome.restored(spec.name, record)
        return run

    @property
    def container(self) -> str | None:
        """The container of an attempt that has not ended."""
        record = self._interrupted_attempt
        if self.attempt is not None:
            return self.attempt.place.container
        if record is None or record.ended is not None or record.boot != self.shop.boot:
            return None
        return record.container

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well."""
        return self.state is RunState.SUCCEEDED

    @property
    def memory(self) -> int | None:
        """Bytes that its container uses now; None where there is none or nobody counts."""
        container = None if self.attempt is None else self.attempt.container
        return None if container is None else container.usage().memory_current

    def stop(self, cause: StopCause = "cancelled", grace: float | None = None) -> None:
        """Ask for an orderly end; a run that only waits ends at once."""
        self.wish.ask(cause, grace)
        self._pass_on_wish()

    def kill(self) -> None:
        """End the run now."""
        self.wish.insist("cancelled")
        self._pass_on_wish()

    def _pass_on_wish(self) -> None:
        assert self.wish.cause is not None
        if self._waiting is not None:
            self._waiting.cancel()
        if self.attempt is not None:
            wish = self.attempt.wish
            if self.wish.at_once.is_set():
                wish.insist(self.wish.cause)
            else:
                wish.ask(self.wish.cause, self.wish.grace)

    def redefine(self, spec: JobSpec, shop: Workshop) -> None:
        """Go on with another definition; what already runs may have to end for it."""
        before, self.spec, self.shop = self.spec, spec, shop
        self._definitions += 1
        # Whoever mends a job that fails does not want to wait for its pause to end.
        is_mended = self.state is RunState.BACKOFF and definition(before) != definition(spec)
        if self._waiting is not None and (self.state is RunState.PENDING or is_mended):
            self._waiting.cancel()
        self._replace_outdated()

    def _replace_outdated(self) -> None:
        """End an attempt that was made of another definition and would never end by itself."""
        if self.attempt is None or self.shop.lasting or not self.attempt.job.restart.endless:
            return
        if self.attempt.place.document.definition != definition(self.spec):
            self.attempt.wish.ask("replaced")

    async def run(self, others: Mapping[str, JobRun]) -> None:
        """From waiting to the outcome. `others` are all runs by job name."""
        try:
            if self.former is not None:
                with self._wait_scope():
                    await self.former.ended.wait()
                self.former = None
            if self.state is RunState.PENDING:
                failed = await self._wait_for_dependencies(others)
                if failed is not None:
                    self._end(Event.DEPENDENCY_FAILED, failed)
                else:
                    self._entered(Event.DEPENDENCIES_MET)
            if not self.state.terminal:
                await self._make_attempts()
        finally:
            self.tried.set()
            self.ended.set()

    def _entered(self, event: Event) -> bool:
        """Go on with `event`, unless the run's end has been asked for."""
        if self.wish.cause is None:
            self.enter(event)
            return True
        when = "between two attempts" if self.attempts else "before it ran"
        self._finish(Event.CANCELLED, Reason.CANCELLED, f"{STOPPED[self.wish.cause]} {when}")
        return False

    def enter(self, event: Event) -> None:
        """Make a transition that is not the last one."""
        self.state = apply(self.state, event)
        self.shop.journal.set_run_state(self.number, self.state)
        self.shop.changed(self)

    def _finish(
        self, event: Event, reason: Reason, detail: str, exit_code: int | None = None
    ) -> None:
        self._end(
            event,
            Outcome(
                reason=reason,
                detail=detail,
                exit_code=exit_code,
                chain=(self.spec.name,),
                cause=f"{reason}, {detail}",
            ),
        )

    def _end(self, event: Event, outcome: Outcome) -> None:
        state, reason, detail = apply(self.state, event), outcome.reason, outcome.detail
        self.shop.journal.end_run(self.number, state, reason, detail, outcome.exit_code)
        self.state, self.outcome = state, outcome
        log_end(self, outcome)
        self.shop.changed(self)

    @contextmanager
    def _wait_scope(self) -> Iterator[None]:
        """A wait that a stop ends early."""
        with trio.CancelScope() as scope:
            self._waiting = scope
            if self.wish.cause is not None:
                scope.cancel()
            try:
                yield
            finally:
                self._waiting = None

    async def _wait_for_dependencies(self, others: Mapping[str, JobRun]) -> Outcome | None:
        """How a skip for the first dependency that cannot be met any more ends the run.

        None once all are met. The wait begins anew where the job is defined in another way
        meanwhile.
        """
        unmet, seen = None, None
        while seen != self._definitions and self.wish.cause is None:
            seen = self._definitions
            with self._wait_scope():
                unmet = await first_unmet(self.spec.depends_on, others)
        if unmet is None:
            return None
        run, condition = unmet
        assert run.outcome is not None, "it has ended"
        return run.outcome.of_dependant(self.spec.name, condition)

    async def _make_attempts(self) -> None:
        result = None
        if self.state not in (RunState.QUEUED, RunState.BACKOFF):
            result = await self._take_up()
        if self.state is RunState.BACKOFF and not await self._pause():
            return
        while result is None or await self._goes_on_after(result):
            result = await self._attempt_in_slot()
            if result is None:
                return

    async def _goes_on_after(self, result: AttemptResult) -> bool:
        """Whether another attempt follows its pause, which a stop ends; if none, the run ends."""
        step = next_step(
            self.spec,
            attempt=self.attempts - self._void,
            reason=result.reason,
            exit_code=result.exit_code,
            elapsed=result.elapsed or 0.0,
            pauses=self._pauses,
            chance=random.random(),
            replaced=result.stop_cause == "replaced",
        )
        if not isinstance(step, Retry):
            self._conclude(result)
            return False
        log_retry(self, result, step.delay)
        self._begin_pause(step.delay, step.pauses)
        return await self._pause()

    def _begin_pause(self, delay: float, pauses: int) -> None:
        self._retry_at, self._pauses = boottime() + delay, pauses
        self.state = apply(self.state, Event.RETRY)
        self.shop.journal.pause_run(self.number, self._retry_at, pauses, delay)
        self.shop.changed(self)

    async def _pause(self) -> bool:
        with self._wait_scope():
            await trio.sleep(max(0.0, self._retry_at - boottime()))
        return self._entered(Event.PAUSE_OVER)

    async def _attempt_in_slot(self) -> AttemptResult | None:
        """Make an attempt once there is a slot for it; None where the run was ended before."""
        granted = False
        with self._wait_scope():
            await self.shop.slots.acquire_on_behalf_of(self)
            granted = True
        try:
            return await self._make_attempt()
        finally:
            if granted:
                self.shop.slots.release_on_behalf_of(self)

    async def _make_attempt(self) -> AttemptResult | None:
        container = container_id(self.shop.project, self.spec.name)
        with self.shop.journal.transaction():
            if not self._entered(Event.SLOT_GRANTED):
                return None
            self.attempts += 1
            record = self.shop.journal.begin_attempt(
                self.number, self.attempts, container, self.shop.boot
            )
        with self._attempt(container, record, definition(self.spec)) as attempt:
            return await attempt.run()

    @contextmanager
    def _attempt(self, container: str, record: int, made_of: str) -> Iterator[Attempt]:
        self.attempt = Attempt(
            job=self.spec,
            place=self.shop.attempt_place(self, container, made_of),
            observer=RunObserver(run=self, job=self.spec, record=record),
            wish=StopWish(),
        )
        if self.wish.cause is not None:
            self._pass_on_wish()
        self._replace_outdated()
        try:
            yield self.attempt
        finally:
            self.attempt = None

    async def _take_up(self) -> AttemptResult | None:
        """Go on with the attempt that a former supervisor had begun.

        None where its command was never executed: then the run pauses, for no time at all.
        """
        record = self._interrupted_attempt
        assert record is not None, "a run that has a slot has an attempt"
        if record.ended is not None:
            return result_of(record)
        rebooted = record.boot != self.shop.boot
        result = None if rebooted else await self._resume_attempt(record)
        left = self.shop.running(self.spec.name)
        ran = left is not None and left.container == record.container  # before anybody knew of it
        if result is None and self.state is RunState.STARTING and not rebooted and not ran:
            with self.shop.journal.transaction():
                self._lose(record, "the supervisor was killed before the command was executed")
                self._begin_pause(0.0, self._pauses)
            self._void += 1
        elif result is None:
            why = "the machine was rebooted" if rebooted else "its container is gone"
            result = self._lose(record, f"nobody saw how it ended: {why}")
        return result

    async def _resume_attempt(self, record: AttemptRecord) -> AttemptResult | None:
        stop = None
        if record.stop_cause is not None and record.stop_begun is not None:
            stop = StopBegun(record.stop_cause, record.stop_begun)
        # It had a slot; where there are fewer now, it goes on without one.
        try:
            self.shop.slots.acquire_on_behalf_of_nowait(self)
            granted = True
        except trio.WouldBlock:
            granted = False
        try:
            made_of = self._made_of(record.container)
            with self._attempt(record.container, record.id, made_of) as attempt:
                attempt.oom_kills_told = self.shop.journal.oom_kills_told(
                    self.number, record.number
                )
                attempt.health_told = record.health
                return await attempt.resume(stop)
        finally:
            if granted:
                self.shop.slots.release_on_behalf_of(self)

    def _made_of(self, container: str) -> str:
        """The digest of what a container was made of; that of the job now where nobody knows."""
        with suppress(OSError, ValueError, TypeError):
            document = Document.read(self.shop.runtime.directories.container(container))
            return document.definition or definition(self.spec)
        return definition(self.spec)

    def _lose(self, record: AttemptRecord, detail: str) -> AttemptResult:
        result = AttemptResult(reason=Reason.LOST, detail=detail, ended=time.time())
        self.shop.journal.end_attempt(record.id, result)
        log_loss(self, result)
        return result

    def _conclude(self, result: AttemptResult) -> None:
        if result.reason is Reason.COMPLETED:
            event = Event.SUCCEEDED
        elif result.reason is Reason.CANCELLED:
            event = Event.CANCELLED
        else:
            event = Event.FAILED
        self._finish(event, result.reason, result.detail, result.exit_code)
