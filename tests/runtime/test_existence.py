"""A thing is there, or is not, or nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.existence import is_there


def test_what_is_there_is_there(tmp_path: Path) -> None:
    """Files, directories, and links that lead nowhere."""
    (tmp_path / "link").symlink_to("nowhere")
    assert is_there(str(tmp_path))
    assert is_there(f"{tmp_path}/link")


def test_what_cannot_be_there_is_not(tmp_path: Path) -> None:
    """Neither a name that is not there, nor one below a file."""
    (tmp_path / "file").touch()
    assert not is_there(f"{tmp_path}/none")
    assert not is_there(f"{tmp_path}/file/below")


def test_an_error_is_no_answer(tmp_path: Path) -> None:
    """Unlike with os.path.exists()."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        is_there(f"{tmp_path}/loop/below")
