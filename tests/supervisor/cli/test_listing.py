"""Containers as Docker lists them."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from supervisor.cli.listing import Listed, Size
from supervisor.detached import Entry
from supervisor.health import Health
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.states import Reason, RunState

ENTRY = Entry(
    id="3f9a1c2b4d5e",
    name="web",
    created=1000.0,
    remove=False,
    job={
        "image": "busybox",
        "entrypoint": ["nice"],
        "command": ["echo", "two words", "and more"],
        "labels": ["team=etl", "bare"],
        "network_mode": "host",
        "volumes": [
            {"source": "data", "target": "/data/in"},
            {"source": "/srv", "target": "/in"},
        ],
    },
)


def listed(state: RunState | None, *, paused: bool = False, **changes: Any) -> Listed:
    """The container in this state, 100 s after it was made, with an attempt where it has a run."""
    values: dict[str, Any] = {
        "id": 1, "run": 1, "number": 1, "container": "run-3f9a1c2b4d5e-1", "boot": "b", "pid": 7,
        "health": None, "stop_cause": None, "stop_begun": None, "reason": None, "detail": "",
        "exit_code": None, "signal": None, "started": 1000.0, "ended": None, "elapsed": None,
        "memory_peak": None, "cpu_seconds": None, "io_read": None, "io_write": None,
        "oom_kills": None,
    }  # fmt: skip
    run = None if state is None else RunRecord(
        id=1, session=1, job=ENTRY.id, state=state, reason=None, detail="", exit_code=None,
        created=1000.0, started=1000.0, ended=1090.0 if state.terminal else None, retry_at=None,
        pauses=0,
    )  # fmt: skip
    attempt = None if state is None else AttemptRecord(**values | changes)
    return Listed(entry=ENTRY, run=run, attempt=attempt, memory=5, paused=paused, now=1100.0)


ENDED: dict[str, Any] = {"ended": 1090.0, "exit_code": 137}


@pytest.mark.parametrize(
    ("container", "state", "status"),
    [
        (listed(None), "created", "Created"),
        (listed(RunState.STARTING), "created", "Created"),
        (listed(RunState.RUNNING), "running", "Up About a minute"),
        (listed(RunState.RUNNING, health=Health.HEALTHY), "running", "Up About a minute (healthy)"),
        (
            listed(RunState.RUNNING, health=Health.STARTING),
            "running",
            "Up About a minute (health: starting)",
        ),
        (listed(RunState.STOPPING, started=1098.0), "running", "Up 2 seconds"),
        (listed(RunState.RUNNING, paused=True), "paused", "Up About a minute (Paused)"),
        (listed(RunState.BACKOFF, **ENDED), "restarting", "Restarting (137) 10 seconds ago"),
        (listed(RunState.FAILED, **ENDED), "exited", "Exited (137) 10 seconds ago"),
        (
            listed(RunState.FAILED, **ENDED, reason=Reason.OOM_KILLED),
            "exited",
            "Exited (137) OOMKilled 10 seconds ago",
        ),
        (listed(RunState.FAILED, ended=1099.5), "exited", "Exited (-) Less than a second ago"),
    ],
)
def test_states_have_dockers_names(container: Listed, state: str, status: str) -> None:
    """And its way to say since when."""
    assert (container.state, container.status) == (state, status)


def test_a_row_and_the_fields_of_a_template() -> None:
    """Commands are cut, unless they are asked for in full."""
    container = listed(RunState.RUNNING)
    assert container.row(full=False) == (
        "3f9a1c2b4d5e", "busybox", "\"nice echo 'two word…\"", "About a minute ago",
        "Up About a minute", "", "web",
    )  # fmt: skip
    fields = container.fields(full=False)
    assert fields["Command"] == container.row(full=False)[2]
    assert container.row(full=True)[2] == "\"nice echo 'two words' 'and more'\""
    assert fields["Labels"] == "team=etl,bare="
    assert (fields["Names"], fields["Networks"], fields["LocalVolumes"]) == ("web", "host", "1")
    assert (fields["Mounts"], fields["Size"]) == ("data,/srv", "")
    sized = evolve(container, size=Size(written=1_200_000, virtual=5_000_000))
    assert sized.row(full=True)[-1] == sized.fields(full=True)["Size"] == "1.2MB (virtual 5MB)"


def test_a_document_has_what_a_jobs_has() -> None:
    """Under the same names, so that one program reads both."""
    document = listed(RunState.FAILED, **ENDED).document(full=False)
    assert document["job"] == document["name"] == "web"
    assert (document["state"], document["status"], document["pid"]) == ("failed", "exited", None)
    assert listed(None).document(full=False)["state"] == "created"


@pytest.mark.parametrize(
    ("key", "value", "passes"),
    [
        ("id", "3f9", True),
        ("id", "^f9", False),
        ("name", "we", True),
        ("name", "^/?web$", True),
        ("name", "eb(", False),
        ("volume", "data", True),
        ("volume", "/in", True),
        ("volume", "/srv", True),
        ("volume", "/data", False),
        ("network", "host", True),
        ("network", "none", False),
        ("status", "exited", True),
        ("status", "running", False),
        ("ancestor", "busybox", True),
        ("exited", "137", True),
        ("exited", "0", False),
        ("label", "team", True),
        ("label", "team=etl", True),
        ("label", "team=web", False),
        ("health", "none", True),
    ],
)
def test_filters(key: str, value: str, passes: bool) -> None:
    """Those of Docker."""
    assert listed(RunState.FAILED, **ENDED).matches(key, value) is passes


def test_an_unknown_filter() -> None:
    """The caller says which there are."""
    with pytest.raises(KeyError):
        listed(RunState.RUNNING).matches("color", "red")
