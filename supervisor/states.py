"""The life of a run as a table, and the one rule that names the reason of an ended attempt.

Each rule is stated once, as data or as one function; nothing here does I/O, waits or knows the
time. A run begins as `RunState.PENDING` and ends in one of the terminal states.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import frozen


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """Waits for the jobs that it depends on."""
    QUEUED = "queued"
    """Waits for a concurrency slot."""
    STARTING = "starting"
    """Has a slot; a container is being made."""
    RUNNING = "running"
    """The job's command runs."""
    BACKOFF = "backoff"
    """Pauses between two attempts, without a slot."""
    STOPPING = "stopping"
    """The supervisor has begun to end the attempt."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the run is over."""
        return not TRANSITIONS[self]


class Event(StrEnum):
    """What happens to a run."""

    DEPENDENCIES_MET = "dependencies met"
    DEPENDENCY_FAILED = "dependency failed"
    SLOT_GRANTED = "slot granted"
    STARTED = "started"
    STOP_BEGUN = "stop begun"
    """The attempt is being ended from outside: a stop, a shutdown or its timeout."""
    RETRY = "retry"
    """An attempt has ended and another will follow."""
    PAUSE_OVER = "pause over"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The run is over because somebody asked for its end."""


TRANSITIONS: Mapping[RunState, Mapping[Event, RunState]] = {
    RunState.PENDING: {
        Event.DEPENDENCIES_MET: RunState.QUEUED,
        Event.DEPENDENCY_FAILED: RunState.SKIPPED,
        Event.CANCELLED: RunState.CANCELLED,
    },
    RunState.QUEUED: {
        Event.SLOT_GRANTED: RunState.STARTING,
        Event.CANCELLED: RunState.CANCELLED,
    },
    RunState.STARTING: {
        Event.STARTED: RunState.RUNNING,
        Event.STOP_BEGUN: RunState.STOPPING,
        Event.RETRY: RunState.BACKOFF,
        Event.FAILED: RunState.FAILED,
        Event.CANCELLED: RunState.CANCELLED,
    },
    RunState.RUNNING: {
        Event.STOP_BEGUN: RunState.STOPPING,
        Event.RETRY: RunState.BACKOFF,
        Event.SUCCEEDED: RunState.SUCCEEDED,
        Event.FAILED: RunState.FAILED,
    },
    RunState.STOPPING: {
        # A stop may follow a timeout, or a second stop the first: the run is stopping already.
        Event.STOP_BEGUN: RunState.STOPPING,
        Event.RETRY: RunState.BACKOFF,
        # The job had ended by itself before the stop reached it, and that is its outcome.
        Event.SUCCEEDED: RunState.SUCCEEDED,
        Event.FAILED: RunState.FAILED,
        Event.CANCELLED: RunState.CANCELLED,
    },
    RunState.BACKOFF: {
        # The slot was given back for the pause, so that a failing job cannot hold up others.
        Event.PAUSE_OVER: RunState.QUEUED,
        Event.CANCELLED: RunState.CANCELLED,
    },
    RunState.SUCCEEDED: {},
    RunState.FAILED: {},
    RunState.SKIPPED: {},
    RunState.CANCELLED: {},
}


class IllegalTransition(Exception):
    """An event that cannot happen in this state: a mistake in the supervisor."""


def apply(state: RunState, event: Event) -> RunState:
    """The state after `event`; raises IllegalTransition."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(f"run is {state}: event '{event}' is not possible") from None


class Reason(StrEnum):
    """Why an attempt, or a run, ended as it did."""

    COMPLETED = "Completed"
    ERROR = "Error"
    OOM_KILLED = "OOMKilled"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"
    START_ERROR = "StartError"
    LOST = "Lost"


StopCause: TypeAlias = Literal["deadline", "cancelled", "removed", "replaced", "shutdown"]
"""Its time was up, somebody asked for it, its job has gone from the file, or is another one now, or
the supervisor of a lasting one has ended."""


@frozen(kw_only=True)
class AttemptEnd:
    """What is known about an attempt that is over.

    At most one of `code`, `signal` and `start_code` (125, 126 or 127: the command never ran) is
    set; with none of them nobody knows how it ended. `stop` is the *first* thing that made the
    supervisor end the attempt, and only if that reached it alive: one that had ended before the
    stop was sent has no `stop`. `oom_kills` is the count of its own cgroup.
    """

    code: int | None = None
    signal: int | None = None
    start_code: int | None = None
    oom_kills: int = 0
    stop: StopCause | None = None

    @property
    def exit_code(self) -> int | None:
        """The shell's exit code, 128+n for signal n; None where nobody knows."""
        if self.signal is not None:
            return 128 + self.signal
        return self.start_code if self.code is None else self.code


def classify(end: AttemptEnd, success_codes: Collection[int] = (0,)) -> tuple[Reason, int | None]:
    """The reason and the exit code of an ended attempt.

    The first rule that fits decides:

    1. The supervisor ended it: DeadlineExceeded or Cancelled, whatever its code was then. A job
       that exits 0 when it is told to stop did not complete, and one that runs out of memory
       while it is being stopped still ended because of the stop.
    2. It never ran: StartError.
    3. Nobody knows how it ended: Lost, also where the kernel killed something in it.
    4. Its code is among `success_codes`: Completed, also where a child of it was killed for
       memory and the job coped.
    5. It failed and its cgroup counted an OOM kill: OOMKilled. Never deduced from code 137.
    6. Error.
    """
    code = end.exit_code
    if end.stop is not None:
        return _STOPPED[end.stop], code
    if end.start_code is not None:
        return Reason.START_ERROR, code
    if code is None:
        return Reason.LOST, None
    if code in success_codes:
        return Reason.COMPLETED, code
    return (Reason.OOM_KILLED if end.oom_kills > 0 else Reason.ERROR), code


_STOPPED: Mapping[StopCause, Reason] = {
    "deadline": Reason.DEADLINE_EXCEEDED,
    "cancelled": Reason.CANCELLED,
    "removed": Reason.CANCELLED,
    "replaced": Reason.CANCELLED,
    "shutdown": Reason.CANCELLED,
}
