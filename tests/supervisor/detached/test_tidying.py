"""What goes when containers have gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from runtime.directories import Directories
from runtime.volumes.store import VolumeStore
from supervisor.detached.roster import Entry, Roster
from supervisor.detached.tidying import abandoned_layers, remove_volumes, tidy
from supervisor.journal import Journal
from supervisor.places import Places
from supervisor.states import Reason, RunState
from tests.integration.images.killing import dies_at


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give the places of a supervisor."""
    directories = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    directories.prepare()
    return Places(directories=directories)


@pytest.fixture
def journal(places: Places) -> Iterator[Journal]:
    """Give a state database."""
    with closing(Journal.open(places.database)) as opened:
        yield opened


def make(identifier: str, name: str) -> Entry:
    """A container."""
    return Entry(
        id=identifier, name=name, created=1.0, remove=name == "passing", job={"image": "host"}
    )


def test_a_layer_goes_with_its_container(places: Places, journal: Journal) -> None:
    """Not while it is written down, and not while it still runs."""
    roster = Roster.of(places.directories)
    stays, passing = roster.add("web", make).id, roster.add("passing", make).id
    for name in (stays, passing, "gone", "ends"):
        Path(places.directories.kept_layer(name).path).mkdir()
    session = journal.begin_session("file", "run", 1)
    for job in (passing, "gone", "ends"):
        number = journal.create_run(session, job, RunState.PENDING)
        if job != "ends":
            journal.end_run(number, RunState.SUCCEEDED, Reason.COMPLETED, "", 0)
    assert tidy(roster, journal, places)
    found = abandoned_layers(roster, journal, places.directories)
    assert sorted(Path(layer.path).name for layer in found) == sorted([passing, "gone"])


def test_a_removed_containers_volumes_go_when_nobody_has_them(
    places: Places, journal: Journal
) -> None:
    """One in use stays noted, and whatever is killed meanwhile, the next who tidies up goes on."""
    store, roster = VolumeStore.of(places.directories), Roster.of(places.directories)
    names = tuple(sorted(letter * 64 for letter in "ab"))
    for name in (*names, "named"):
        store.ensure(name)
    passing = roster.add("passing", lambda *words: evolve(make(*words), volumes=names)).id
    run = journal.create_run(journal.begin_session("file", "run", 1), passing, RunState.PENDING)
    journal.end_run(run, RunState.SUCCEEDED, Reason.COMPLETED, "", 0)
    assert tidy(roster, journal, places)
    assert roster.doomed_volumes() == [*names]
    remove_volumes(roster, store, lambda: {names[1]: ["container web"]})
    assert (roster.doomed_volumes(), store.names()) == ([names[1]], [names[1], "named"])
    step = 1
    while dies_at(step, partial(remove_volumes, roster, store, dict)):
        assert roster.doomed_volumes() == [names[1]] or names[1] not in store.names()
        step += 1
    assert step > 3
    assert (roster.doomed_volumes(), store.names()) == ([], ["named"])
