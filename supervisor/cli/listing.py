"""The containers of `run -d` as a table like Docker's, and as documents. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from runtime.units import format_decimal
from supervisor.cli.documents import elapsed, run_document
from supervisor.cli.moments import UNKNOWN, about, dated, rfc3339
from supervisor.cli.table import Row
from supervisor.detached.roster import Entry
from supervisor.health import Health
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.states import RunState

HEADERS = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
HEADINGS = {"ID": "CONTAINER ID", "RunningFor": "CREATED", "CreatedAt": "CREATED AT"}
"""Those of fields in a template that are not called like it."""
NO_NETWORK = "none"
"""What a container has that says nothing of it."""
NO_PORTS = ""
"""Docker has a column for them; nothing is published here."""
SIZE = "SIZE"
"""The column that is there only where it is asked for."""
FILTERS = (
    "id", "name", "status", "label", "ancestor", "health", "exited", "volume", "network",
    "since", "before",
)  # fmt: skip
STATES = ("created", "restarting", "running", "removing", "paused", "exited", "dead")
"""Docker's, which filters may ask for, although nothing here is ever `removing` or `dead`."""
HEALTHS = (*Health, "none")
COMMAND_LENGTH = 20

_COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_HEALTH: Mapping[Health | None, str] = {Health.STARTING: "health: starting", None: ""}
_DOCKERS = {
    RunState.RUNNING: "running",
    RunState.STOPPING: "running",
    RunState.BACKOFF: "restarting",
}


@frozen(kw_only=True)
class Size:
    """How many bytes lie in a container's own layer, and with its image's; None without one."""

    written: int
    virtual: int | None

    @property
    def text(self) -> str:
        """As Docker shows it."""
        own = format_decimal(self.written)
        return own if self.virtual is None else f"{own} (virtual {format_decimal(self.virtual)})"


@frozen(kw_only=True)
class Listed:
    """A container with its newest run and attempt, None where it has none yet."""

    entry: Entry
    run: RunRecord | None
    attempt: AttemptRecord | None
    memory: int | None
    paused: bool
    now: float
    size: Size | None = None
    """Where it was asked for."""

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
            added = "Paused" if self.paused else _HEALTH.get(attempt.health, f"{attempt.health}")
            return f"Up {about(self.now - attempt.started)}" + (f" ({added})" if added else "")
        ended = self.now if attempt.ended is None else attempt.ended
        code = UNKNOWN if attempt.exit_code is None else attempt.exit_code
        why = " OOMKilled" if attempt.reason == "OOMKilled" else ""
        return f"{state.capitalize()} ({code}){why} {about(self.now - ended)} ago"

    def fields(self, *, full: bool) -> Mapping[str, Any]:
        """What a template may name, by Docker's names; all texts. Commands are cut unless `full`.

        The column of the size is empty where nobody has asked for it.
        """
        command = command_of(self.entry)
        if len(command) > COMMAND_LENGTH and not full:
            command = f"{command[: COMMAND_LENGTH - 1]}…"
        volumes = _volumes_of(self.entry)
        return {
            "ID": self.entry.id,
            "Image": str(self.entry.job["image"]),
            "Command": f'"{command}"',
            "CreatedAt": dated(self.entry.created),
            "RunningFor": f"{about(self.now - self.entry.created)} ago",
            "State": self.state,
            "Status": self.status,
            "Ports": NO_PORTS,
            "Names": self.entry.name,
            "Labels": join_labels(self.entry.labels),
            "LocalVolumes": str(sum(not each.startswith("/") for each in volumes)),
            "Mounts": ",".join(volumes),
            "Networks": _network_of(self.entry),
            "Size": "" if self.size is None else self.size.text,
        }

    def row(self, *, full: bool) -> Row:
        """A line of the table; the size is the last where it was asked for."""
        fields = self.fields(full=full)
        shown = (str(fields[name]) for name in _COLUMNS)
        return (*shown,) if self.size is None else (*shown, self.size.text)

    def document(self, *, full: bool) -> Mapping[str, Any]:
        """The same for programs; beside Docker's names there are those that jobs have, too."""
        run, attempt = self.run, self.attempt
        over = run is None or run.ended is not None
        return {
            **self.fields(full=full),
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
            "labels": self.entry.labels,
            "created": rfc3339(self.entry.created),
        }

    def matches(self, key: str, value: str) -> bool:
        """Whether one of the filters lets it through that are about one container alone."""
        label, equals, text = value.partition("=")
        labels = self.entry.labels
        passes: Mapping[str, bool] = {
            "id": _fits(value, self.entry.id),
            "name": _fits(value, self.entry.name) or _fits(value, f"/{self.entry.name}"),
            "status": self.state == value,
            "ancestor": value in (self.entry.job["image"], self.entry.image),
            "health": self.attempt is not None and (self.attempt.health or "none") == value,
            "exited": self.state == "exited"
            and self.attempt is not None
            and str(self.attempt.exit_code) == value,
            "label": label in labels and (not equals or labels[label] == text),
            "volume": value in _volumes_of(self.entry) or value in _volumes_of(self.entry).values(),
            "network": _network_of(self.entry) == value,
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


def join_labels(labels: Mapping[str, str]) -> str:
    """As one text, in Docker's way."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _volumes_of(entry: Entry) -> Mapping[str, str]:
    """Where it sees its volumes, by their names or the paths that they are of."""
    return {each["source"]: each["target"] for each in entry.job.get("volumes", ())}


def _network_of(entry: Entry) -> str:
    return str(entry.job.get("network_mode", NO_NETWORK))


def _fits(pattern: str, text: str) -> bool:
    """As Docker does it: a pattern that may fit anywhere, or the text itself."""
    try:
        return pattern == text or re.search(pattern, text) is not None
    except re.error:
        return False
