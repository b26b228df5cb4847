"""Writes down what happens in an attempt, as transitions of its run and as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog
import trio
from attrs import asdict, frozen

from runtime.cgroups import Usage
from runtime.oomcause import OomVictim
from runtime.process import boottime
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptResult, EventKind, Journal
from supervisor.logs import LogEvent, LogWriteFailed
from supervisor.states import Event, RunState, StopCause
from supervisor.wording import describe_victims
from supervisor.workshop import Workshop

log = structlog.stdlib.get_logger()


class ObservedRun(Protocol):
    """The run whose attempt is observed."""

    shop: Workshop
    number: int
    state: RunState
    attempts: int
    started: trio.Event
    result: AttemptResult | None

    def enter(self, event: Event) -> None:
        """Make a transition that is not the last one."""


@frozen(kw_only=True)
class RunObserver:
    """Turns what happens in an attempt into transitions of its run."""

    run: ObservedRun
    job: JobSpec
    """What the attempt is made of; the run may be defined in another way since."""
    record: int

    @property
    def _journal(self) -> Journal:
        return self.run.shop.journal

    def _event(self, kind: EventKind, detail: str, **data: object) -> None:
        self._journal.event(kind, detail, run=self.run.number, attempt=self.run.attempts, data=data)

    def running(self, pid: int | None) -> None:
        run = self.run
        with self._journal.transaction():
            if pid is not None:
                self._journal.attempt_running(self.record, pid)
            if run.state is RunState.STARTING:
                run.enter(Event.STARTED)
                said = "job started"
            else:
                self._event(EventKind.ATTEMPT, f"attempt {run.attempts} adopted", pid=pid)
                said = "job adopted"
        run.started.set()
        log.info(said, job=self.job.name, attempt=run.attempts, pid=pid)

    def stopping(self, cause: StopCause) -> None:
        with self._journal.transaction():
            self._journal.begin_stop(self.record, cause, boottime())
            self.run.enter(Event.STOP_BEGUN)

    def ended(self, result: AttemptResult) -> None:
        self._journal.end_attempt(self.record, result)
        self.run.result = result

    def out_of_memory(self, kills: int, usage: Usage, victims: Sequence[OomVictim]) -> None:
        limit = self.job.limits.memory
        self._event(
            EventKind.OOM,
            describe_victims(victims, kills, limit, usage.memory_peak),
            kills=kills,
            limit=limit,
            peak=usage.memory_peak,
            victims=[asdict(victim) for victim in victims],
        )
        log.warning(
            "job out of memory",
            job=self.job.name,
            attempt=self.run.attempts,
            kills=kills,
            victims=[f"{victim.process} (pid {victim.pid})" for victim in victims],
            limit=limit,
            peak=usage.memory_peak,
        )

    def log_event(self, event: LogEvent) -> None:
        job = self.job.name
        if isinstance(event, LogWriteFailed):
            self._event(EventKind.LOG, f"log cannot be written: {event.cause}", path=event.path)
            log.error("log cannot be written", job=job, cause=event.cause)
            return
        state = "written again" if event.recovered else "ended"
        self._event(
            EventKind.LOG,
            f"log {state}, {event.bytes} bytes in {event.lines} lines lost",
            bytes=event.bytes,
            lines=event.lines,
        )
        log.warning("log output lost", job=job, bytes=event.bytes, lines=event.lines)
