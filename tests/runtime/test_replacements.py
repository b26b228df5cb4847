"""Files that take their places in directories that are not ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.rootfs.replacements import Replacements

KILLED = """
import errno, os, signal, sys
from runtime.rootfs.replacements import Replacements

where, unnamed, moment = sys.argv[1:]
really_open = os.open

def no_unnamed(path, flags, *args, **kwargs):
    if flags & os.O_TMPFILE == os.O_TMPFILE and unnamed == "no":
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")
    return really_open(path, flags, *args, **kwargs)

def end(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

os.open = no_unnamed
directory = os.open(where, os.O_RDONLY)
replacements = Replacements()
with replacements.file(directory, "other") as fd:
    os.write(fd, b"whole")
with replacements.file(directory, "file") as fd:
    os.write(fd, b"half")
    if moment == "early":
        end()
    os.rename = end
"""


@pytest.mark.parametrize("moment", ["early", "late"])
@pytest.mark.parametrize("unnamed", ["yes", "no"])
def test_a_kill_leaves_nothing_of_one(tmp_path: Path, unnamed: str, moment: str) -> None:
    """Where files can be without a name, and where not; those before it stay."""
    (tmp_path / "file").write_text("old")
    words = [sys.executable, "-c", KILLED, str(tmp_path), unnamed, moment]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while sorted(os.listdir(tmp_path)) != ["file", "other"]:
        assert time.monotonic() < deadline, os.listdir(tmp_path)
        time.sleep(0.005)
    assert (tmp_path / "file").read_text() == "old"
    assert (tmp_path / "other").read_text() == "whole"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """As one of whoever writes, or because a directory is in the way."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "directory").mkdir()
    directory = os.open(tmp_path, os.O_RDONLY)
    replacements = Replacements()
    try:
        with suppress(ValueError), replacements.file(directory, "file") as fd:
            os.write(fd, b"half")
            raise ValueError("torn")
        with pytest.raises(IsADirectoryError), replacements.file(directory, "directory") as fd:
            os.write(fd, b"whole")
        with replacements.file(directory, "file") as fd:
            os.write(fd, b"new")
    finally:
        replacements.close()
        os.close(directory)
    assert sorted(os.listdir(tmp_path)) == ["directory", "file"]
    assert (tmp_path / "file").read_text() == "new"
