"""What containers there are that no jobs file tells of."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from attrs import evolve

from runtime.errors import ContainerError
from supervisor.detached import Entry, NameInUse, Roster


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    """Give an empty one."""
    return Roster(str(tmp_path / "containers.json"))


def make(identifier: str, name: str) -> Entry:
    """A container of a command whose bytes are not all text."""
    job = {"image": "host", "command": ["echo", "${HOME}", "\udcff"]}
    return Entry(id=identifier, name=name, created=1.0, remove=False, job=job)


def test_what_is_added_can_be_read(roster: Roster) -> None:
    """Word for word, and only by its owner."""
    assert roster.entries() == {}
    entry = roster.add("web", make)
    other = roster.add(None, make)
    assert roster.entries() == {entry.id: entry, other.id: other}
    assert entry.name == "web"
    assert os.stat(roster.path).st_mode & 0o777 == 0o600


def test_an_image_is_pinned() -> None:
    """A container stays on the image that it was made of; what is shown is the name."""
    entry = Entry(id="1", name="n", created=1.0, remove=False, job={"image": "web", "tty": True})
    assert entry.table == entry.job
    assert evolve(entry, image="sha256:0").table == {"image": "sha256:0", "tty": True}


def test_a_name_is_had_by_one(roster: Roster) -> None:
    """Docker's message; nothing is written. A name in use elsewhere is in use."""
    entry = roster.add("web", make)
    with pytest.raises(NameInUse, match=f"name web is already in use by container {entry.id}: rem"):
        roster.add("web", make)
    with pytest.raises(NameInUse, match="name db is already in use by container db"):
        roster.add("db", make, attended=lambda: ["db"])
    with pytest.raises(NameInUse, match=f"name web is already in use by container {entry.id}"):
        roster.rename(roster.add("old", make).id, "web")
    assert [each.name for each in roster.entries().values()] == ["web", "old"]


def test_changes(roster: Roster) -> None:
    """Each is of one container; one that has gone meanwhile is nothing to fail for."""
    entry = roster.add("web", make)
    roster.remove_in_the_end(entry.id)
    roster.rename(entry.id, "site")
    roster.begin(entry.id)
    roster.revise(entry.id, {"memory": "1m"})
    (now,) = roster.entries().values()
    assert (now.name, now.remove, now.begun) == ("site", True, True)
    assert now.job == {**entry.job, "memory": "1m"}
    roster.remove(entry.id)
    roster.remove(entry.id)
    roster.remove_in_the_end(entry.id)
    roster.revise(entry.id, {"memory": "1m"})
    assert roster.entries() == {}


def test_volumes_are_noted_as_their_container_is_forgotten(roster: Roster) -> None:
    """Those that were made for it, unless another container names one; until they have gone."""
    names = ("a" * 64, "b" * 64)

    def with_volumes(identifier: str, name: str) -> Entry:
        return evolve(make(identifier, name), volumes=names)

    def naming(identifier: str, name: str) -> Entry:
        job = {"image": "host", "volumes": [{"source": names[1], "target": "/x"}]}
        return evolve(make(identifier, name), job=job)

    left, gone = roster.add("left", with_volumes), roster.add("gone", with_volumes)
    roster.add("other", naming)
    assert roster.entries()[gone.id].volumes == names
    roster.remove(left.id)
    assert roster.doomed_volumes() == []
    roster.remove(gone.id, volumes=True)
    roster.remove(gone.id, volumes=True)
    assert roster.doomed_volumes() == [names[0]]
    roster.forget_volumes(["c", names[0]])
    assert roster.doomed_volumes() == []
    assert [each.name for each in roster.entries().values()] == ["other"]


def test_a_kill_in_the_middle_leaves_the_old_one(
    roster: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one takes its place whole or not at all, and the next change is made as ever."""
    entry = roster.add("web", make)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            roster.add("db", make)
    assert roster.entries() == {entry.id: entry}
    assert len({roster.add("db", make).id, *roster.entries()}) == 2


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (17, "it is no table"),
        ({"id": "a"}, "it has no name, created, remove, job, begun, image, volumes, container"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"id": ["a"]}, r"id is ['a']"),
        (
            {
                "id": "a",
                "name": "b",
                "created": 1,
                "remove": False,
                "job": {},
                "begun": True,
                "image": None,
                "volumes": [],
                "container": None,
            },
            "its job has no image",
        ),
    ],
)
def test_an_entry_that_cannot_be_read_is_in_no_others_way(
    roster: Roster, raw: object, why: str
) -> None:
    """The others are there and can be changed; it stays in the document as it was."""
    entry = roster.add("web", make)
    document = json.loads(Path(roster.path).read_text())
    document["containers"].insert(0, raw)
    Path(roster.path).write_text(json.dumps(document))
    assert roster.entries() == {entry.id: entry}
    (unreadable,) = roster.unreadable()
    assert unreadable.why == f"{roster.path}: containers[0] cannot be read: {why}"
    assert unreadable.id == ("a" if isinstance(raw, dict) and raw.get("id") == "a" else None)
    roster.rename(entry.id, "site")
    assert [each.name for each in roster.entries().values()] == ["site"]
    assert [each.raw for each in roster.unreadable()] == [raw]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"containers": 1}'])
def test_a_damaged_one_is_an_error(roster: Roster, text: str) -> None:
    """Nobody may take it for an empty one and write over it."""
    Path(roster.path).write_text(text)
    with pytest.raises(ContainerError, match=r"containers.json: is no list of containers"):
        roster.add("web", make)
    assert Path(roster.path).read_text() == text
