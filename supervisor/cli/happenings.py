"""What happened, in Docker's words: type, action, whom it happened to, and attributes. Pure.

What Docker has no word for has the type `job`; it happens to the jobs of `up` only.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from attrs import frozen

from supervisor.detached.notes import Note
from supervisor.journal import EventKind, EventRecord
from supervisor.states import RunState

CONTAINER, JOB, DAEMON = "container", "job", "daemon"
TYPES = (CONTAINER, JOB, DAEMON)
OTHER_TYPES = (
    "builder",
    "config",
    "image",
    "network",
    "node",
    "plugin",
    "secret",
    "service",
    "volume",
)
"""Docker's, of which nothing is told here."""
ACTIONS = (
    "adopt", "create", "destroy", "die", "health_status", "kill", "log", "oom", "pause",
    "reload", "rename", "session", "start", "stop", "unpause", "update", *RunState,
)  # fmt: skip
OTHER_ACTIONS = (
    "attach", "commit", "connect", "copy", "delete", "detach", "disconnect", "exec_create",
    "exec_detach", "exec_die", "exec_start", "export", "import", "load", "mount", "prune",
    "pull", "push", "remove", "resize", "restart", "save", "tag", "top", "unmount", "untag",
)  # fmt: skip
FILTERS = ("container", "event", "image", "label", "type")
_BILLION = 1_000_000_000


class _Attributes(dict[str, str]):
    """What a template may name; an event need not have what others have, as in Docker."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "<no value>"


Told: TypeAlias = tuple[str, str, Mapping[str, object]]
"""A type, an action, and attributes."""


@frozen(kw_only=True)
class Happening:
    """One thing that happened, at `time` in seconds since the epoch."""

    time: float
    type: str
    action: str
    id: str
    attributes: Mapping[str, str]
    event: EventRecord | None = None
    """What the state database says of it, if that is where it is written down."""

    @property
    def name(self) -> str:
        """What people call whom it happened to."""
        return self.attributes.get("name", "")

    def line(self) -> str:
        """As Docker writes it."""
        known = ", ".join(f"{key}={self.attributes[key]}" for key in sorted(self.attributes))
        parts = (_nanoseconds(self.time), self.type, self.action, self.id)
        return " ".join(filter(None, (*parts, f"({known})" if known else "")))

    def document(self) -> Mapping[str, Any]:
        """With Docker's names, and what the state database says beside them."""
        nano = round(self.time * _BILLION)
        image = self.attributes.get("image")
        return {
            **({"status": self.action, "id": self.id} if self.type == CONTAINER else {}),
            **({"from": image} if self.type == CONTAINER and image else {}),
            "Type": self.type,
            "Action": self.action,
            "Actor": {"ID": self.id, "Attributes": dict(self.attributes)},
            "scope": "local",
            "time": nano // _BILLION,
            "timeNano": nano,
            **({} if self.event is None else _recorded(self.event, self.name or None)),
        }

    def fields(self) -> Mapping[str, Any]:
        """What a template may name."""
        document = self.document()
        return {
            **document,
            "Actor": {"ID": self.id, "Attributes": _Attributes(self.attributes)},
            "Status": document.get("status", ""),
            "ID": document.get("id", ""),
            "From": document.get("from", ""),
            "Scope": document["scope"],
            "Time": document["time"],
            "TimeNano": document["timeNano"],
        }

    def passes(self, wanted: Mapping[str, Sequence[str]]) -> bool:
        """Whether filters let it through; those of one key add up, several must all be met."""
        return all(any(self._matches(key, v) for v in values) for key, values in wanted.items())

    def _matches(self, key: str, value: str) -> bool:
        label, equals, text = value.partition("=")
        known = self.attributes
        image = known.get("image", "")
        passes: Mapping[str, bool] = {
            "container": self.type != DAEMON
            and bool(value)
            and (self.name == value or self.id.startswith(value)),
            "event": self.action == value or self.action.startswith(f"{value}:"),
            "image": bool(value) and (image == value or image.startswith(f"{value}:")),
            "label": label in known and (not equals or known[label] == text),
            "type": self.type == value,
        }
        return passes[key]


def of_note(note: Note) -> Happening:
    """What was noted of a container of `run -d`."""
    return Happening(
        time=note.time,
        type=CONTAINER,
        action=note.action,
        id=note.id,
        attributes=note.attributes,
    )


def of_job(event: EventRecord) -> Happening:
    """An event of the supervisor of an `up`."""
    kind, action, more = _told(event)
    about = {"name": event.job, "run": event.run, "attempt": event.attempt}
    return Happening(
        time=event.time,
        type=kind,
        action=action,
        id=(event.container if kind == CONTAINER else event.job) or "",
        attributes=_texts({**more, **about}),
        event=event,
    )


def of_container(event: EventRecord, known: Mapping[str, str]) -> Happening | None:
    """One of the supervisor of `run -d`, to whom a container is a job; None for its own affairs.

    That it was made is noted elsewhere, and Docker has no words for what comes before its start.
    """
    kind, action, more = _told(event)
    if kind == JOB and action == RunState.CANCELLED:
        kind, action, more = CONTAINER, "stop", {}
    if kind != CONTAINER or action in ("create", "adopt"):
        return None
    return Happening(
        time=event.time,
        type=kind,
        action=action,
        id=event.job or "",
        attributes={**known, **_texts(more)},
        event=event,
    )


def kills(event: EventRecord) -> bool:
    """Whether somebody has asked for a run to be killed, after which Docker tells of no stop."""
    killed = event.kind is EventKind.REQUEST and event.data.get("signal") == signal.SIGKILL
    return killed and not event.data.get("orderly")


def _told(event: EventRecord) -> Told:
    data = event.data
    match event.kind:
        case EventKind.STATE if data.get("state") == RunState.RUNNING:
            return CONTAINER, "start", {}
        case EventKind.STATE:
            state = str(data.get("state", event.detail))
            more = {"exitCode": data.get("exit_code"), "reason": data.get("reason")}
            return JOB, state, {**more, "detail": None if event.detail == state else event.detail}
        case EventKind.ATTEMPT if "container" in data:
            return CONTAINER, "create", {}
        case EventKind.ATTEMPT if "reason" in data:
            return CONTAINER, "die", _ending(data)
        case EventKind.ATTEMPT:
            return CONTAINER, "adopt", {}
        case EventKind.HEALTH:
            return CONTAINER, f"health_status: {data.get('health')}", {}
        case EventKind.OOM | EventKind.LOG:
            return CONTAINER, event.kind, {"detail": event.detail}
        case EventKind.REQUEST:
            return CONTAINER, event.detail, {"signal": data.get("signal")}
        case EventKind.SESSION | EventKind.RELOAD:
            return DAEMON, event.kind, {"detail": event.detail}


def _ending(data: Mapping[str, Any]) -> Mapping[str, object]:
    elapsed = data.get("elapsed")
    return {
        "exitCode": data.get("exit_code"),
        "execDuration": None if elapsed is None else int(elapsed),
        "reason": data["reason"],
    }


def _texts(attributes: Mapping[str, object]) -> Mapping[str, str]:
    return {key: str(value) for key, value in attributes.items() if value is not None}


def _recorded(event: EventRecord, name: str | None) -> Mapping[str, Any]:
    return {
        "kind": event.kind,
        "job": name,
        "run": event.run,
        "attempt": event.attempt,
        "detail": event.detail,
        "data": event.data,
    }


def _nanoseconds(moment: float) -> str:
    """``2024-01-02T15:04:05.123456000Z``, with the local offset where there is one."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    offset = local.strftime("%z")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return f"{local:%Y-%m-%dT%H:%M:%S}.{round(moment * _BILLION) % _BILLION:09d}{zone}"


def written(happening: Happening) -> str:
    """As JSON, on one line."""
    return json.dumps(happening.document())
