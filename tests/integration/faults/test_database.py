"""A state database that cannot be used: nothing is lost, and it is said what happened."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish
from tests.integration.faults.scene import database, kill, running, start, wait_until

pytestmark = pytest.mark.root

TWO = """
[defaults]
image = "host"
[jobs.long]
command = "sleep 2; echo done"
[jobs.short]
command = "until test -e /go/go; do sleep 0.05; done"
volumes = ["{go}:/go"]
"""


@pytest.fixture
def small_disk(pocker: Pocker) -> Iterator[Path]:
    """Put the state directory on a file system of its own, of two megabytes."""
    state = Path(pocker.directories.state)
    state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", state], check=True)
    yield state
    pocker.close()
    subprocess.run(["umount", state], check=True)


def test_a_damaged_one_is_kept_and_begun_anew(pocker: Pocker) -> None:
    """What runs is taken up from what lies beside the containers."""
    text = '[jobs.a]\nimage = "host"\ncommand = "sleep 1; echo still here"'
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    kill(first)
    damaged = database(pocker)
    damaged.with_name("state.db-wal").unlink(missing_ok=True)
    damaged.write_bytes(os.urandom(8192))
    ended = pocker.run("up", pocker.file(text))
    assert ended.returncode == 0, ended.stderr
    assert "state database damaged" in ended.stderr
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["attempt"]) == ("succeeded", 1)
    assert pocker.ask("logs", "a") == "still here\n"
    assert list(damaged.parent.glob("state.db.damaged-*"))


def test_one_that_stays_locked_ends_the_supervisor_and_not_the_jobs(
    pocker: Pocker, tmp_path: Path
) -> None:
    """After five seconds it gives up with one clear line; the next one takes the jobs up."""
    (tmp_path / "go").mkdir()
    text = TWO.format(go=tmp_path / "go")
    first = start(pocker, text)
    wait_until(pocker, running("long", "short"))
    with sqlite3.connect(database(pocker), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        (tmp_path / "go/go").touch()
        code, _, err = finish(first)
        assert code == 125
        assert "write the state database: database is locked" in err
        other.execute("ROLLBACK")
    other.close()
    assert pocker.run("up", pocker.file(text)).returncode == 0
    assert pocker.ask("logs", "long") == "done\n"


def test_a_full_disk_ends_the_supervisor_and_not_the_jobs(
    pocker: Pocker, tmp_path: Path, small_disk: Path
) -> None:
    """Once there is room again, the next supervisor takes the jobs up."""
    (tmp_path / "go").mkdir()
    text = TWO.format(go=tmp_path / "go")
    first = start(pocker, text)
    wait_until(pocker, running("long", "short"))
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=4k"], check=False, capture_output=True
    )
    (tmp_path / "go/go").touch()
    code, _, err = finish(first)
    assert code == 125, err
    assert "write the state database: database or disk is full" in err
    (small_disk / "filler").unlink()
    again = pocker.run("up", pocker.file(text))
    assert again.returncode == 0, again.stderr
    assert pocker.states() == {"long": "succeeded", "short": "succeeded"}


def test_a_read_only_state_directory_is_refused(pocker: Pocker, small_disk: Path) -> None:
    """One clear line, and nothing is started."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    refused = pocker.run("up", pocker.file('[jobs.a]\nimage = "host"\ncommand = "true"'))
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert refused.returncode == 125
    assert "read-only file system" in refused.stderr.lower()
    assert len(refused.stderr.splitlines()) == 1
