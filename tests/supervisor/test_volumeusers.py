"""Who is told to use a volume: jobs, containers that are written down, and those that exist."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.errors import VolumeError
from runtime.volumes.usage import note_volumes
from supervisor.detached import Roster
from supervisor.detached.roster import Entry
from supervisor.holding import held_volumes, hold_volumes
from supervisor.jobspec import JobSpec
from supervisor.mounts import Volume
from supervisor.places import Places
from supervisor.volumeusers import users_of_volumes


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """Give directories that are there."""
    made = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    made.prepare()
    made.detached.prepare()
    return made


def job(name: str, *sources: str) -> JobSpec:
    """A job with these volumes."""
    return JobSpec(
        name=name,
        volumes=tuple(Volume(source=source, target=f"/{at}") for at, source in enumerate(sources)),
    )


def test_jobs_hold_what_they_name(directories: Directories) -> None:
    """From one reading of the file to the next; paths are of no account, and nothing stays."""
    places = Places(directories=directories)
    hold_volumes(places, [job("a", "data", "/srv"), job("b", "data", "own"), job("c")])
    assert held_volumes(places) == {"data": ["job a", "job b"], "own": ["job b"]}
    hold_volumes(places, [job("b", "own")])
    assert held_volumes(places) == {"own": ["job b"]}
    hold_volumes(places, [])
    assert held_volumes(places) == {}
    assert not places.held_volumes.exists()


def test_a_note_that_cannot_be_read_frees_nothing(directories: Directories) -> None:
    """It is an error, for nobody knows what it held."""
    places = Places(directories=directories)
    places.held_volumes.write_text("[1]")
    with pytest.raises(VolumeError, match=r"held\.json"):
        users_of_volumes(directories)


def test_names_come_before_ids(directories: Directories) -> None:
    """A container that people know by a name is not told by the id of its attempt."""

    def make(identifier: str, name: str) -> Entry:
        volumes = [{"source": "data", "target": "/x"}, {"source": "/srv", "target": "/y"}]
        table = {"image": "host", "volumes": volumes}
        return Entry(id=identifier, name=name, created=0.0, remove=False, job=table)

    Roster.of(directories.detached).add("web", make)
    for place, container, volume in (
        (directories.detached, "run-1", "data"),
        (directories, "once", "other"),
    ):
        os.mkdir(place.container(container).runtime)
        note_volumes(place.container(container).volumes, [volume])
    hold_volumes(Places(directories=directories), [job("load", "data")])
    assert users_of_volumes(directories) == {
        "data": ["job load", "container web"],
        "other": ["container once"],
    }


def test_what_cannot_be_read_loses_nothing(directories: Directories) -> None:
    """Whatever an entry of another version means: what it names is in use."""
    table = {"image": "host", "volumes": ["data:/x", {"source": "other", "target": "/y"}]}
    document = {"containers": [{"id": "a", "mounted": table}], "doomed_volumes": []}
    Path(Roster.of(directories.detached).path).write_text(json.dumps(document))
    users = users_of_volumes(directories)
    assert users["data"] == users["other"] == ["a container that cannot be read"]
