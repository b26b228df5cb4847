"""The jobs of an `up` as a table of their own, and as documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from runtime.units import format_size
from supervisor.cli.documents import elapsed, run_document
from supervisor.cli.listing import NO_PORTS, Size
from supervisor.cli.moments import UNKNOWN, about, dated, local, span
from supervisor.cli.table import Row, state_cell
from supervisor.journal import AttemptRecord, RunRecord

HEADERS = (
    "JOB", "STATE", "REASON", "EXIT", "ATTEMPT", "STARTED", "ELAPSED", "PID", "CONTAINER", "MEMORY",
)  # fmt: skip


@frozen
class ListedJob:
    """A run with its newest attempt, and how many bytes of memory that uses, where it is known."""

    run: RunRecord
    attempt: AttemptRecord | None
    memory: int | None
    now: float
    size: Size | None = None
    """Where it was asked for."""

    def document(self) -> Mapping[str, Any]:
        """For programs; beside its own names there are those that Docker has for containers."""
        run, attempt = self.run, self.attempt
        alive = attempt is not None and run.ended is None
        return {
            **dict.fromkeys(("Image", "Command", "Labels", "Mounts", "Networks"), ""),
            "ID": "" if attempt is None else attempt.container,
            "CreatedAt": dated(run.created),
            "RunningFor": f"{about(self.now - run.created)} ago",
            "State": run.state,
            "Status": run.state,
            "Ports": NO_PORTS,
            "Names": run.job,
            "LocalVolumes": "",
            "Size": "" if self.size is None else self.size.text,
            **run_document(run),
            "elapsed": elapsed(run, self.now),
            "attempt": None if attempt is None else attempt.number,
            "health": attempt.health if attempt is not None and alive else None,
            "pid": attempt.pid if attempt is not None and alive else None,
            "container": None if attempt is None else attempt.container,
            "memory": self.memory,
            "labels": {},
        }

    def row(self) -> Row:
        """A line of the table; the size is the last where it was asked for."""
        run, attempt = self.run, self.attempt
        alive = attempt is not None and attempt.ended is None
        return (
            run.job,
            state_cell(run.state, attempt.health if attempt is not None and alive else None),
            run.reason or UNKNOWN,
            UNKNOWN if run.exit_code is None else str(run.exit_code),
            UNKNOWN if attempt is None else str(attempt.number),
            local(run.started),
            span(elapsed(run, self.now)),
            str(attempt.pid) if attempt is not None and alive and attempt.pid else UNKNOWN,
            UNKNOWN if attempt is None else attempt.container,
            UNKNOWN if self.memory is None else format_size(self.memory),
            *(() if self.size is None else (self.size.text,)),
        )
