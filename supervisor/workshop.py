"""What all runs of one supervisor share, and what each of them comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from attrs import frozen

from runtime.container import Runtime
from supervisor.journal import Journal
from supervisor.logs import LineSink
from supervisor.places import Places
from supervisor.states import Reason

if TYPE_CHECKING:
    from supervisor.job import JobRun


@frozen(kw_only=True)
class Outcome:
    """How a run ended. `chain` names the jobs from this one back to the one that failed."""

    reason: Reason
    detail: str
    exit_code: int | None
    chain: tuple[str, ...]
    cause: str
    """How the last job of the chain failed."""


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
