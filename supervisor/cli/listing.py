"""The containers of `run -d` as a table like Docker's, and as documents. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from supervisor.cli.documents import elapsed, run_document
from supervisor.cli.moments import UNKNOWN, local, rfc3339
from supervisor.cli.table import Row
from supervisor.detached.roster import Entry
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.states import RunState

HEADERS = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
HEADINGS = {"ID": "CONTAINER ID", "RunningFor": "CREATED", "CreatedAt": "CREATED AT"}
"""Those of fields in a template that are not called like it."""
NO_PORTS = ""
"""Docker has a column for them; nothing is published here."""
FILTERS = ("id", "name", "status", "label", "ancestor", "health", "exited")
COMMAND_LENGTH = 20

_DOCKERS = {
    RunState.RUNNING: "running",
    RunState.STOPPING: "running",
    RunState.BACKOFF: "restarting",
}


@frozen(kw_only=True)
class Listed:
    """A container with its newest run and attempt, None where it has none yet."""

    entry: Entry
    run: RunRecord | None
    attempt: AttemptRecord | None
    memory: int | None
    paused: bool
    now: float

    @property
    def state(self) -> str:
        """Docker's word for it."""
        return docker_state(self.run, paused=self.paused)

    @property
    def status(self) -> str:
        """The same for people, with times."""
        run, attempt, state = self.run, self.attempt, self.state
        if run is None or attempt is None or state == "created":
            return "Created"
        if state in ("running", "paused"):
            health = "" if attempt.health is None else f" ({attempt.health})"
            return f"Up {_about(self.now - attempt.started)}{health}" + (
                " (Paused)" if self.paused else ""
            )
        ended = self.now if attempt.ended is None else attempt.ended
        code = UNKNOWN if attempt.exit_code is None else attempt.exit_code
        why = " OOMKilled" if attempt.reason == "OOMKilled" else ""
        return f"{state.capitalize()} ({code}){why} {_about(self.now - ended)} ago"

    @property
    def fields(self) -> Mapping[str, Any]:
        """What a template may name."""
        return {
            "ID": self.entry.id,
            "Image": self.entry.job["image"],
            "Command": f'"{command_of(self.entry)}"',
            "CreatedAt": local(self.entry.created),
            "RunningFor": f"{_about(self.now - self.entry.created)} ago",
            "State": self.state,
            "Status": self.status,
            "Ports": NO_PORTS,
            "Names": self.entry.name,
            "Labels": ",".join(f"{key}={value}" for key, value in labels_of(self.entry).items()),
        }

    def row(self, *, full: bool) -> Row:
        """A line of the table."""
        command = command_of(self.entry)
        if len(command) > COMMAND_LENGTH and not full:
            command = f"{command[: COMMAND_LENGTH - 1]}…"
        return (
            self.entry.id,
            str(self.entry.job["image"]),
            f'"{command}"',
            f"{_about(self.now - self.entry.created)} ago",
            self.status,
            NO_PORTS,
            self.entry.name,
        )

    def document(self) -> Mapping[str, Any]:
        """The same for programs; what it shares with a job has the same name."""
        run, attempt = self.run, self.attempt
        over = run is None or run.ended is not None
        return {
            "run": None,
            "state": "created",
            **({} if run is None else run_document(run)),
            "job": self.entry.name,
            "elapsed": None if run is None else elapsed(run, self.now),
            "attempt": None if attempt is None else attempt.number,
            "health": None if attempt is None or over else attempt.health,
            "pid": None if attempt is None or over else attempt.pid,
            "container": None if attempt is None else attempt.container,
            "memory": self.memory,
            "id": self.entry.id,
            "name": self.entry.name,
            "image": self.entry.job["image"],
            "command": command_of(self.entry),
            "status": self.state,
            "labels": labels_of(self.entry),
            "created": rfc3339(self.entry.created),
        }

    def matches(self, key: str, value: str) -> bool:
        """Whether one of the filters lets it through."""
        label, equals, text = value.partition("=")
        labels = labels_of(self.entry)
        passes: Mapping[str, bool] = {
            "id": self.entry.id.startswith(value),
            "name": value in self.entry.name,
            "status": self.state == value,
            "ancestor": self.entry.job["image"] == value,
            "health": self.attempt is not None and (self.attempt.health or "none") == value,
            "exited": self.state == "exited"
            and self.attempt is not None
            and str(self.attempt.exit_code) == value,
            "label": label in labels and (not equals or labels[label] == text),
        }
        return passes[key]


def docker_state(run: RunRecord | None, *, paused: bool) -> str:
    """Docker's word for the state of a container with this newest run."""
    if paused:
        return "paused"
    if run is None:
        return "created"
    return _DOCKERS.get(run.state, "exited" if run.state.terminal else "created")


def command_of(entry: Entry) -> str:
    """What it was asked to run; empty where that is the image's own."""
    return shlex.join([*entry.job.get("entrypoint", ()), *entry.job.get("command", ())])


def labels_of(entry: Entry) -> Mapping[str, str]:
    """Its labels; they are written down as on the command line."""
    labels: Sequence[str] = entry.job.get("labels", ())
    return {key: value for key, _, value in (label.partition("=") for label in labels)}


def _about(seconds: float) -> str:
    """A duration in its largest unit, as people say it."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return "less than a second"
