"""What a process finds that opens a state database which another one makes, or has made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from supervisor.journal import Journal, JournalError, JournalReader
from supervisor.states import RunState


def test_a_database_that_is_only_begun_has_no_runs(tmp_path: Path) -> None:
    """Whoever looks before the tables are there sees what was there before: nothing."""
    path = tmp_path / "state.db"
    assert JournalReader.read(path) is None
    path.touch()
    assert JournalReader.read(path) is None
    making = sqlite3.connect(path, isolation_level=None)
    making.execute("PRAGMA journal_mode = WAL")
    assert JournalReader.read(path) is None
    making.execute("BEGIN IMMEDIATE")
    making.execute("CREATE TABLE run (id INTEGER)")
    assert JournalReader.read(path) is None
    making.close()
    assert JournalReader.read(path) is None


def test_readers_see_what_is_written(tmp_path: Path) -> None:
    """Each commit at once, while the writer has the database open."""
    path = tmp_path / "state.db"
    writer = Journal.open(path)
    reader = JournalReader.read(path)
    assert reader is not None
    session = writer.begin_session("/jobs.toml", "jobs", 1)
    run = writer.create_run(session, "a", RunState.PENDING)
    assert [(record.id, record.job) for record in reader.runs(session=session)] == [(run, "a")]
    reader.close()
    writer.close()


@pytest.mark.parametrize("open_it", [Journal.open, JournalReader.read])
def test_another_version_is_refused(tmp_path: Path, open_it: type) -> None:
    """Tables of unknown shape are neither read nor written."""
    path = tmp_path / "state.db"
    Journal.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(JournalError, match=r"state\.db: made by another version \(schema 99\)$"):
        open_it(path)
