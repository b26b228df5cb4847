"""What was run and what happened, of jobs and of containers of `run -d` alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.cli.calling import call, refusals
from tests.supervisor.cli.past import Past


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Give a job and two containers."""
    past = Past(tmp_path)
    past.job("load")
    past.container("web", ended=False)
    past.container("old")
    return past


def asked(past: Past, *arguments: str) -> Any:
    """What a command says as JSON, a document a line."""
    called = call(*past.options, *arguments, "--format", "json")
    assert (called.code, called.stderr) == (0, "")
    return [json.loads(line) for line in called.stdout.splitlines()]


def test_history_has_both_newest_first(past: Past) -> None:
    """Containers by their names, with their ids for programs."""
    runs = asked(past, "history")
    assert [run["job"] for run in runs] == ["old", "web", "load"]
    assert [len(run["id"] or "") for run in runs] == [12, 12, 0]
    assert [run["job"] for run in asked(past, "history", "--limit", "2")] == ["old", "web"]
    (run,) = asked(past, "history", runs[0]["id"][:6])
    assert (run["job"], run["exit_code"], run["attempts"]) == ("old", 3, 1)
    table = call(*past.options, "history").stdout.splitlines()
    assert [line.split()[1] for line in table] == ["JOB", "old", "web", "load"]
    past.container("new", ended=None)
    assert asked(past, "history", "new") == []


def told(past: Past, *options: str) -> list[tuple[str, str, str]]:
    """The type, action and name of all events so far."""
    documents = asked(past, "events", "--since", "0", "--until", "0s", *options)
    return [
        (each["Type"], each["Action"], each["Actor"]["Attributes"].get("name", ""))
        for each in documents
    ]


def test_events_of_both_are_in_their_order(past: Past) -> None:
    """One list, as if one supervisor had written it; a container has no events but Docker's."""
    ending = [("container", "die"), ("job", "failed")]
    assert told(past) == [
        ("daemon", "session", ""),
        ("job", "queued", "load"),
        ("container", "create", "load"),
        ("container", "start", "load"),
        *((kind, action, "load") for kind, action in ending),
        ("container", "create", "web"),
        ("container", "start", "web"),
        ("container", "create", "old"),
        ("container", "start", "old"),
        ("container", "die", "old"),
    ]
    lines = call(*past.options, "events", "--since", "0", "--until", "0s").stdout.splitlines()
    assert len(lines) == 11
    assert lines[-1].endswith(" (exitCode=3, image=host, name=old, reason=Error)")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["container=web"], {"web"}),
        (["container=load", "container=old"], {"load", "old"}),
        (["type=daemon"], {""}),
        (["type=job"], {"load"}),
        (["event=die", "container=old"], {"old"}),
        (["image=host", "event=create"], {"web", "old"}),
        (["event=oom"], set()),
        (["type=image"], set()),
        (["container="], set()),
    ],
)
def test_filters_of_one_key_add_up(past: Past, filters: Sequence[str], names: set[object]) -> None:
    """Those of several must all be met, as with `ps`."""
    options = [part for text in filters for part in ("--filter", text)]
    assert {name for _, _, name in told(past, *options)} == names


def test_an_id_will_do_for_a_filter(past: Past) -> None:
    """Also its beginning."""
    identifier = next(run["id"] for run in asked(past, "history") if run["job"] == "web")
    assert {name for *_, name in told(past, "--filter", f"container={identifier[:8]}")} == {"web"}


def test_events_of_a_time(past: Past) -> None:
    """From and until; where until is over nothing is waited for."""
    assert asked(past, "events", "--since", "0", "--until", "1h") == []
    assert asked(past, "events", "--until", "0s") == []
    for since in ("1h", "2001-02-03T04:05:06Z", "981173106.5"):
        assert told(past, "--since", since) == told(past)
    shown = call(
        *past.options, "events", "--since", "0", "--until", "0s", "--format",
        "{{.Type}}/{{.Action}}/{{.Actor.Attributes.name}}", "--filter", "event=die",
    )  # fmt: skip
    assert shown.stdout == "container/die/load\ncontainer/die/old\n"


def test_a_template_names_what_an_event_has_not(past: Past) -> None:
    """Docker's word stands there; a field that no event has is refused."""
    words = (*past.options, "events", "--since", "0", "--until", "0s", "--filter", "type=job")
    shown = call(*words, "--format", "{{.Action}} {{.Actor.Attributes.exitCode}}").stdout
    assert shown == "queued <no value>\nfailed 3\n"
    assert call(*words, "--format", "{{.Actoin}}").stderr == (
        'pocker: --format: there is no field Actoin; did you mean "Action"?\n'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "--filter", "contaner=a"], "'contaner' is none of container, event, image,"),
        (["events", "--filter", "event=oon"], "'oon' is no event; did you mean \"oom\"?"),
        (["events", "--filter", "type=jop"], "'jop' is no type; did you mean \"job\"?"),
        (["events", "--format", "xml"], "--format: xml is neither json nor a template"),
        (["events", "--filter", "event"], "'event' is not KEY=VALUE"),
        (["ps", "--filter", "sttus=a"], "'sttus' is none of id, name, status, label, ancestor"),
        (["events", "--until", "noon"], "--until: 'noon' is neither a time such as"),
    ],
)
def test_what_is_no_filter_is_refused(arguments: Sequence[str], message: str) -> None:
    """With what there is."""
    code, (line,) = refusals(*arguments)
    assert code == 125
    assert message in line


def test_an_unreadable_entry_is_told(past: Past) -> None:
    """By `ps`, which lists the others."""
    path = Path(past.settings.detached.directories.state, "containers.json")
    document = json.loads(path.read_text())
    document["containers"].insert(0, {"id": "0123456789ab"})
    path.write_text(json.dumps(document))
    called = call(*past.options, "ps", "-a")
    assert called.stderr.startswith(f"pocker: {path}: containers[0] cannot be read: it has no name")
    assert " old\n" in called.stdout
