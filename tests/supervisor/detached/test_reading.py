"""The containers that no jobs file tells of, read as jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from supervisor.detached import Entry, Roster
from supervisor.detached.reading import job_of, jobs_of
from supervisor.problems import JobsFileError


def add(roster: Roster, name: str, *, begun: bool = True, **job: object) -> Entry:
    """A container of `host` with these keys."""

    def make(identifier: str, name: str) -> Entry:
        table = {"image": "host", "command": ["true"], **job}
        return Entry(id=identifier, name=name, created=1.0, remove=False, job=table, begun=begun)

    return roster.add(name, make)


def test_one_that_cannot_be_read_is_told_and_left_out(tmp_path: Path) -> None:
    """Whether it is its entry or its definition: the others have their supervisor."""
    roster = Roster(str(tmp_path / "containers.json"))
    good = add(roster, "good", memory="64m")
    bad = add(roster, "bad", memory="plenty")
    add(roster, "new", begun=False)
    text = Path(roster.path).read_text()
    Path(roster.path).write_text(text.replace('"containers": [', '"containers": [17,'))
    with structlog.testing.capture_logs() as told:
        jobsfile = jobs_of(roster)
    assert [*jobsfile.jobs] == [good.id]
    assert jobsfile.jobs[good.id].limits.memory == 64 << 20
    assert [each.get("container") for each in told] == [None, "bad"]
    assert "containers[0] cannot be read" in told[0]["cause"]
    assert "memory: 'plenty' is not a size" in told[1]["cause"]
    with pytest.raises(JobsFileError, match="memory: 'plenty' is not a size"):
        job_of(bad, roster.path)


def test_there_may_be_none(tmp_path: Path) -> None:
    """As when the last one is just removed."""
    assert jobs_of(Roster(str(tmp_path / "containers.json"))).jobs == {}
