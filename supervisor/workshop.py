"""What all runs of one supervisor share, and what each of them comes to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import trio
from attrs import frozen

from runtime.container import Runtime
from supervisor.attempt import AttemptPlace
from supervisor.journal import Journal, RunRecord
from supervisor.logs import LineSink
from supervisor.places import Places
from supervisor.policies import Condition
from supervisor.rebuild import Document
from supervisor.states import Reason

if TYPE_CHECKING:
    from supervisor.job import JobRun

_BEHIND = " <- "
"""Between the names of a chain; no name has a blank in it."""


@frozen(kw_only=True)
class Outcome:
    """How a run ended. `chain` names the jobs from this one back to the one that failed."""

    reason: Reason
    detail: str
    exit_code: int | None
    chain: tuple[str, ...]
    cause: str
    """How the last job of the chain failed."""

    @classmethod
    def skipped(cls, chain: Sequence[str], cause: str) -> Outcome:
        """That of a job which waited for one that has failed, at the end of `chain`."""
        return cls(
            reason=Reason.SKIPPED,
            detail=f"{_BEHIND.join(chain)}: {cause}",
            exit_code=None,
            chain=tuple(chain),
            cause=cause,
        )

    def of_dependant(self, job: str, condition: Condition) -> Outcome:
        """That of a job which waited in vain for the one with this outcome."""
        cause = self.cause
        if condition is Condition.HEALTHY and self.reason is Reason.COMPLETED:
            cause = f"never healthy: {cause}"
        return Outcome.skipped((job, *self.chain), cause)

    @classmethod
    def restored(cls, job: str, record: RunRecord) -> Outcome:
        """What the journal says of a job that has ended."""
        assert record.reason is not None, "it has ended"
        if record.reason is Reason.SKIPPED:
            names, _, cause = record.detail.partition(": ")
            return cls.skipped(names.split(_BEHIND), cause)
        return cls(
            reason=record.reason,
            detail=record.detail,
            exit_code=record.exit_code,
            chain=(job,),
            cause=f"{record.reason}, {record.detail}",
        )


@frozen
class Running:
    """A container that ran before a supervisor knew of it, and since when (seconds since 1970)."""

    container: str
    since: float


@frozen(kw_only=True)
class Workshop:
    """What all runs of one supervisor share."""

    file: str
    project: str
    runtime: Runtime
    journal: Journal
    session: int
    boot: str
    """The kernel's id of this boot."""
    slots: trio.CapacityLimiter
    places: Places
    sink: Callable[[str], LineSink] | None
    """Makes what takes the lines of a job's output, where somebody looks on."""
    changed: Callable[[JobRun], None]
    """Called after each transition."""
    running: Callable[[str], Running | None]
    """The container that ran already when a job was written down: that of its first attempt."""
    left: Callable[[], Collection[str]]
    """Looks which of these no run knows yet."""
    lasting: bool
    """Whether an attempt goes on that was made of another definition than the job has now, and what
    it has written to its root is there for the next one."""

    def attempt_place(self, run: JobRun, container: str, made_of: str) -> AttemptPlace:
        """Where the newest attempt of a run is made, of the definition with this digest."""
        job = run.spec.name
        return AttemptPlace(
            runtime=self.runtime,
            container=container,
            document=Document(
                container=container,
                file=self.file,
                project=self.project,
                job=job,
                run=run.number,
                attempt=run.attempts,
                boot=self.boot,
                definition=made_of,
            ),
            logs=self.places.logs(job, run.number, run.attempts),
            sink=None if self.sink is None else self.sink(job),
            keep=job if self.lasting else None,
        )
