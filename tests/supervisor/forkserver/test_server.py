"""What the server must have ready, and when it must not serve any more."""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.forkserver import server
from tests.supervisor.cli.calling import imported_by


def test_other_files_are_noticed(tmp_path: Path) -> None:
    """One that was written to, one that another took the place of, and one that has gone."""
    file = tmp_path / "module.py"
    file.write_text("a")
    stamps = server.stamps([str(file)])
    assert server.is_same([str(file)], stamps)
    file.write_text("b")
    os.utime(file, (1, 1))
    assert not server.is_same([str(file)], stamps)
    stamps = server.stamps([str(file)])
    other = tmp_path / "other"
    other.write_text("b")
    os.utime(other, (1, 1))
    other.rename(file)
    assert not server.is_same([str(file)], stamps)
    file.unlink()
    assert not server.is_same([str(file)], stamps)


def test_the_programs_own_files_are_looked_at() -> None:
    """And those of the packages that it needs, but not Python's."""
    files = server.imported_files()
    assert server.__file__ in files
    assert any(file.endswith("click/core.py") for file in files)
    assert os.__file__ not in files


def test_all_that_is_needed_is_imported_beforehand(tmp_path: Path) -> None:
    """What a command has to import itself, it has to import each time."""
    places = ("--root", str(tmp_path), "--state", str(tmp_path))
    for words in (["run", "/absent", "true"], ["exec", "absent", "true"]):
        assert imported_by(*places, *words, after=server.MODULES) == set()
