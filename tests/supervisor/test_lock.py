"""One supervisor per state directory, and none that a dead one keeps out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor import lock
from supervisor.lock import AlreadyRunning, SupervisorLock, holder

_HOLDER = """
import sys
from contextlib import closing
from supervisor.lock import SupervisorLock
with closing(SupervisorLock(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
_HEIR = """
import os, sys, time
from contextlib import closing
from supervisor.lock import SupervisorLock
with closing(SupervisorLock(sys.argv[1])):
    if os.fork() > 0:
        print("held", flush=True)
        os._exit(0)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def another(tmp_path: Path) -> Iterator[int]:
    """Have another process hold the lock; its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid


def leave_to_heir(state: Path, seconds: float) -> None:
    """Have a process die that held the lock, and one that it has made keep its descriptors."""
    with subprocess.Popen(
        [sys.executable, "-c", _HEIR, state, str(seconds)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"


def test_a_second_one_is_refused_with_the_pid_of_the_first(tmp_path: Path, another: int) -> None:
    """Who holds the lock is named."""
    with pytest.raises(AlreadyRunning, match=f"pid {another}"):
        SupervisorLock(str(tmp_path))
    assert holder(str(tmp_path)) == another


def test_a_free_lock_has_no_holder(tmp_path: Path) -> None:
    """Before it was taken and after it was given back nobody holds it."""
    assert holder(str(tmp_path)) is None
    with closing(SupervisorLock(str(tmp_path))):
        assert holder(str(tmp_path)) == os.getpid()
    assert holder(str(tmp_path)) is None


def test_what_a_dead_one_was_starting_is_waited_for(tmp_path: Path) -> None:
    """A lock that lives on in a dead supervisor's child counts for nobody, and is had soon."""
    leave_to_heir(tmp_path, 0.2)
    assert holder(str(tmp_path)) is None
    with closing(SupervisorLock(str(tmp_path))):
        assert holder(str(tmp_path)) == os.getpid()


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a dead supervisor's child does not let go, that is an error, not a hang."""
    monkeypatch.setattr(lock, "_PATIENCE", 0.05)
    leave_to_heir(tmp_path, 0.5)
    with pytest.raises(AlreadyRunning):
        SupervisorLock(str(tmp_path))
