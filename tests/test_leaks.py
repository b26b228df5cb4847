"""The leak check itself: what it has to find, planted on purpose."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from attrs import evolve

from tests import leaks
from tests.leaks import cgroup_mounts, left_behind, observe


def test_nothing_is_left_of_nothing() -> None:
    """Looking twice finds no difference."""
    assert left_behind(observe()) == []


def test_a_descriptor_is_found() -> None:
    """A second descriptor of a file that was open before counts, too."""
    with tempfile.TemporaryFile() as file:
        before = observe()
        copy = os.dup(file.fileno())
        left = left_behind(before, patience=0)
        os.close(copy)
    assert [line.partition(":")[0] for line in left] == ["descriptor"]


def test_a_process_is_found_until_it_is_reaped() -> None:
    """A child counts while it runs, and after that as a zombie."""
    before = observe()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        alive = left_behind(before, patience=0)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        dead = left_behind(before, patience=0)
    assert any(f"process: {child.pid} (cat)" in line and "alive" in line for line in alive)
    assert any(f"process: {child.pid} (cat)" in line and "zombie" in line for line in dead)
    assert left_behind(before) == []


def test_an_orphan_that_is_dead_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """PID 1 is to reap it, and does so when it likes."""
    before = observe()
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        everything = leaks.all_processes()
        dead = evolve(everything[child.pid], parent=1)
        monkeypatch.setattr(leaks, "all_processes", lambda: {**everything, dead.pid: dead})
        assert left_behind(before, patience=0) == []


@pytest.mark.root
def test_an_orphan_in_namespaces_of_its_own_is_found() -> None:
    """Neither a new parent nor an empty environment hides a process and its namespaces."""
    before = observe()
    script = "exec 3<&0; env -i unshare --mount --net sh -c 'echo $$; exec cat' <&3 3<&- &"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.wait()
        left = left_behind(before, patience=0)
    assert any(line.startswith(f"process: {orphan} ") for line in left)
    kinds = [line.partition(":[")[0] for line in left]
    assert [kind for kind in kinds if kind.startswith("namespace")] == [
        "namespace: mnt",
        "namespace: net",
    ]
    assert left_behind(before) == []


@pytest.mark.root
def test_a_mount_is_found(tmp_path: Path) -> None:
    """A mount is named by its place and its kind, also where the place has a blank in its name."""
    place = tmp_path / "a place"
    place.mkdir()
    before = observe()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    left = left_behind(before, patience=0)
    subprocess.run(["umount", place], check=True)
    assert [line.partition(", number")[0] for line in left] == [f"mount: {place} (tmpfs"]
    assert left_behind(before) == []


@pytest.mark.root
def test_a_cgroup_is_found() -> None:
    """A cgroup of ours counts in whichever hierarchy it is."""
    groups = [mount.point / f"pocker-leak-{os.getpid()}" for mount in cgroup_mounts()]
    before = observe()
    for group in groups:
        group.mkdir()
    left = left_behind(before, patience=0)
    for group in groups:
        group.rmdir()
    assert left == sorted(f"cgroup: {group}" for group in groups)
    assert left_behind(before) == []
