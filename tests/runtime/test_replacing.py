"""Files that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.replacing import replace_file


@pytest.mark.parametrize("alone", [False, True])
def test_content_and_mode_are_what_was_asked_for(tmp_path: Path, alone: bool) -> None:
    """Whatever the umask is, and nothing lies beside it afterwards."""
    path = tmp_path / "file"
    path.write_text("a longer one before")
    replace_file(str(path), b"new", mode=0o644, alone=alone)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_who_is_alone_overwrites_what_a_kill_has_left(tmp_path: Path) -> None:
    """So nothing piles up, however often it is killed."""
    (tmp_path / "file.new").write_text("half of something")
    replace_file(str(tmp_path / "file"), b"new", alone=True)
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_failure_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """And nothing else."""
    (tmp_path / "file").write_text("old")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        replace_file(str(tmp_path / "file"), b"new", alone=alone)
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
