"""What is noted of containers, also of those that have gone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from attrs import evolve

from supervisor.detached import Entry
from supervisor.detached.notes import MOST, Notes

WEB = Entry(
    id="3f9a1c2b4d5e",
    name="web",
    created=1.0,
    remove=False,
    job={"image": "host", "labels": ["team=etl"]},
)


def test_each_change_is_a_line(tmp_path: Path) -> None:
    """With what it was called then; what has not changed is not noted."""
    notes = Notes(f"{tmp_path}/notes")
    assert notes.all() == []
    renamed = evolve(WEB, name="www")
    limited = evolve(renamed, job={**WEB.job, "memory": 1})
    states = [{}, {WEB.id: WEB}, {WEB.id: WEB}, {WEB.id: renamed}, {WEB.id: limited}, {}]
    for before, after in pairwise(states):
        notes.add(before, after)
    found = notes.all()
    assert [note.action for note in found] == ["create", "rename", "update", "destroy"]
    assert [note.number for note in found] == [1, 2, 3, 4]
    assert [note.attributes["name"] for note in found] == ["web", "www", "www", "www"]
    assert found[1].attributes["oldName"] == "/web"
    assert found[0].attributes == {"team": "etl", "image": "host", "name": "web"}


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """Their numbers go on."""
    notes = Notes(f"{tmp_path}/notes")
    for _ in range(MOST + 1):
        notes.add({}, {WEB.id: WEB})
        notes.add({WEB.id: WEB}, {})
    numbers = [note.number for note in notes.all()]
    assert numbers == [*range(MOST + 1, 2 * MOST + 3)]


def test_a_line_that_was_cut_is_passed_over(tmp_path: Path) -> None:
    """As a kill may leave it; the next one is whole."""
    path = tmp_path / "notes"
    notes = Notes(str(path))
    notes.add({}, {WEB.id: WEB})
    path.write_bytes(path.read_bytes() + b'{"number": 2, "ti')
    notes.add({WEB.id: WEB}, {})
    assert [(note.number, note.action) for note in notes.all()] == [(1, "create"), (2, "destroy")]


def test_what_cannot_be_noted_is_in_nobodys_way(tmp_path: Path) -> None:
    """Here there is no directory, elsewhere no space."""
    notes = Notes(f"{tmp_path}/absent/notes")
    notes.add({}, {WEB.id: WEB})
    assert notes.all() == []
