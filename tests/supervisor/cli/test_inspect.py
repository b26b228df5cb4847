"""What is known of a container, by Docker's names for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.volumes.store import VolumeStore
from supervisor.cli.dockerview import Viewed
from supervisor.states import Reason, RunState
from tests.supervisor.cli.calling import call, refusals
from tests.supervisor.cli.past import Past
from tests.supervisor.cli.test_listing import listed


def inspected(past: Past, *arguments: str) -> str:
    """What it writes."""
    called = call(*past.options, "inspect", *arguments)
    assert (called.code, called.stderr) == (0, "")
    return called.stdout.strip()


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Give one that runs, one that has ended and one that was only made."""
    past = Past(tmp_path)
    past.container("web", ended=False, restart="on-failure:5", memory="64m", cpus=0.5)
    past.container(
        "old",
        environment={"A": "b c"},
        labels=["team=etl"],
        volumes=[{"source": "/srv", "target": "/data", "read_only": True}, "kept:/kept"],
    )
    past.container("new", ended=None)
    past.job("load")
    return past


@pytest.mark.parametrize(
    ("name", "template", "line"),
    [
        ("web", "{{.Name}} {{.State.Status}} {{.State.Running}}", "/web running true"),
        ("web", "{{.State.Pid}} {{.State.ExitCode}}", "4711 0"),
        ("web", "{{.State.FinishedAt}}", "0001-01-01T00:00:00Z"),
        ("web", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "67108864 500000000"),
        ("web", "{{.HostConfig.PidsLimit}}", "2048"),
        ("web", "{{json .HostConfig.RestartPolicy}}", None),
        ("old", "{{.State.Status}} {{.State.Running}} {{.State.Pid}}", "exited false 0"),
        ("old", "{{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Paused}}", "3 false false"),
        ("old", "{{.State.FinishedAt}}", "2033-05-18T03:33:20.000Z"),
        ("old", "{{.Config.Image}} {{json .Config.Cmd}}", 'host ["true"]'),
        ("old", "{{json .Config.Env}} {{json .Config.Labels}}", '["A=b c"] {"team": "etl"}'),
        ("old", "{{.HostConfig.RestartPolicy.Name}} {{.RestartCount}}", "no 0"),
        ("new", "{{.State.Status}} {{.State.StartedAt}}", "created 0001-01-01T00:00:00Z"),
        (
            "load",
            "{{.Name}} {{.State.Status}} {{.Id}} {{.state}}",
            "/load exited past-load-1 failed",
        ),
    ],
)
def test_dockers_paths(past: Past, name: str, template: str, line: str | None) -> None:
    """Those that scripts ask for, of containers and of jobs."""
    shown = inspected(past, "--format", template, name)
    if line is None:
        assert json.loads(shown) == {"Name": "on-failure", "MaximumRetryCount": 5}
    else:
        assert shown == line


def test_both_forms_are_one_document(past: Past) -> None:
    """Docker's names beside those of jobs, of one and the same container."""
    (document,) = json.loads(inspected(past, "old"))
    assert document["Id"] == document["id"]
    assert document["State"]["ExitCode"] == document["runs"][-1]["exit_code"] == 3
    assert document["Mounts"] == [
        {
            "Type": "bind",
            "Source": "/srv",
            "Propagation": "rprivate",
            "Destination": "/data",
            "Mode": "ro",
            "RW": False,
        },
        {
            "Type": "volume",
            "Name": "kept",
            "Source": f"{past.top}/state/volumes/kept/_data",
            "Driver": "local",
            "Destination": "/kept",
            "Mode": "",
            "RW": True,
        },
    ]


def test_an_unknown_path_is_refused(past: Past) -> None:
    """With the nearest that there is."""
    code, (line,) = refusals(*past.options, "inspect", "-f", "{{.State.Statsu}}", "web")
    assert (code, line) == (
        1, 'pocker: --format: there is no field Statsu; did you mean "Status"?',
    )  # fmt: skip


def test_what_there_is_is_shown_whatever_is_missing(past: Past) -> None:
    """The line of each, and in the end one that names all that there is not; the code is 1."""
    called = call(*past.options, "inspect", "-f", "{{.Name}}", "webb", "web", "nope", "old")
    assert (called.code, called.stdout) == (1, "/web\n/old\n")
    assert called.stderr == (
        'pocker: no such object: webb; did you mean "web"?; no such object: nope\n'
    )
    assert call(*past.options, "inspect", "nope").stdout == "[]\n"


def test_volumes_are_found_behind_containers(past: Past) -> None:
    """As Docker does it; with a type only those are looked for."""
    store = VolumeStore.of(past.settings.directories)
    for name in ("web", "data"):
        store.ensure(name)
    assert inspected(past, "-f", "{{.Name}}", "web", "data") == "/web\ndata"
    assert inspected(past, "--type", "volume", "-f", "{{.Name}}", "web") == "web"
    called = call(*past.options, "inspect", "--type", "container", "data")
    assert (called.code, called.stderr) == (1, "pocker: no such container: data\n")


@pytest.mark.parametrize(
    ("state", "paused", "changes", "expected"),
    [
        (RunState.RUNNING, True, {}, {"Status": "paused", "Running": True, "Paused": True}),
        (
            RunState.FAILED,
            False,
            {"ended": 1090.0, "exit_code": 137, "reason": Reason.OOM_KILLED},
            {"Status": "exited", "OOMKilled": True, "ExitCode": 137, "Pid": 0},
        ),
        (
            RunState.BACKOFF,
            False,
            {"ended": 1090.0, "exit_code": 1},
            {"Status": "restarting", "Restarting": True, "Running": False},
        ),
        (
            RunState.FAILED,
            False,
            {"ended": 1.0, "exit_code": 127, "reason": Reason.START_ERROR, "detail": "not there"},
            {"Error": "not there", "ExitCode": 127, "OOMKilled": False},
        ),
    ],
)
def test_states(
    state: RunState, paused: bool, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """As Docker words them; OOMKilled comes from the record, not from a code."""
    known = listed(state, **changes)
    viewed = Viewed(
        id="3f9a", name="web", created=1.0, made=None,
        run=known.run, attempt=known.attempt, attempts=1, paused=paused, remove=False,
    )  # fmt: skip
    shown = viewed.document()["State"]
    assert {key: shown[key] for key in expected} == expected
