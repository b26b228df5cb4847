"""Writes down what happens to a run and in its attempts: transitions, events, lines of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog
import trio
from attrs import asdict, frozen

from runtime.cgroups import Usage
from runtime.oomcause import OomVictim
from runtime.process import boottime
from supervisor.health import Health
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptResult, EventKind, Journal
from supervisor.logs import LogEvent, LogWriteFailed
from supervisor.states import Event, RunState, StopCause
from supervisor.wording import describe_victims
from supervisor.workshop import Outcome, Workshop

log = structlog.stdlib.get_logger()


class ObservedRun(Protocol):
    """The run whose attempt is observed."""

    spec: JobSpec
    shop: Workshop
    number: int
    state: RunState
    attempts: int
    started: trio.Event
    tried: trio.Event
    healthy: trio.Event
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
        run.tried.set()
        log.info(said, job=self.job.name, run=run.number, attempt=run.attempts, pid=pid)

    def health(self, health: Health, detail: str) -> None:
        run = self.run
        with self._journal.transaction():
            self._journal.set_health(self.record, health)
            said = f"{health}: {detail}" if detail else health.value
            self._event(EventKind.HEALTH, said, health=health)
        if health is Health.HEALTHY:
            run.healthy.set()
        if health is not Health.STARTING:
            tell = log.info if health is Health.HEALTHY else log.warning
            tell(f"job {health}", job=run.spec.name, attempt=run.attempts, detail=detail)

    def stopping(self, cause: StopCause) -> None:
        with self._journal.transaction():
            self._journal.begin_stop(self.record, cause, boottime())
            self.run.enter(Event.STOP_BEGUN)

    def asked_to_end(self, number: int) -> None:
        self._event(EventKind.REQUEST, "kill", signal=number, orderly=True)

    def ended(self, result: AttemptResult) -> None:
        self._journal.end_attempt(self.record, result)
        self.run.result = result
        self.run.tried.set()

    def out_of_memory(self, kills: int, usage: Usage, victims: Sequence[OomVictim]) -> None:
        limit = self.job.limits.memory
        self._event(
            EventKind.OOM,
            describe_victims(victims, usage, limit),
            kills=kills,
            limit=limit,
            peak=usage.memory_peak,
            victims=[asdict(victim) for victim in victims],
        )
        log.warning(
            "job out of memory",
            job=self.job.name,
            run=self.run.number,
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


def log_end(run: ObservedRun, outcome: Outcome) -> None:
    """Tell that a run has ended."""
    log.info(
        "job ended",
        **_names(run),
        state=run.state.value,
        reason=outcome.reason.value,
        code=outcome.exit_code,
        detail=outcome.detail,
    )


def log_retry(run: ObservedRun, result: AttemptResult, delay: float) -> None:
    """Tell that another attempt follows one that has ended."""
    log.info(
        "job retries",
        **_names(run),
        reason=result.reason.value,
        code=result.exit_code,
        after=result.detail,
        delay=delay,
    )


def log_loss(run: ObservedRun, result: AttemptResult) -> None:
    """Tell that nobody knows how an attempt ended."""
    log.warning("attempt lost", **_names(run), reason=result.reason.value, detail=result.detail)


def _names(run: ObservedRun) -> dict[str, object]:
    return {"job": run.spec.name, "run": run.number, "attempt": run.attempts}
