"""Killing members one by one, where the kernel offers nothing better."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups.killing import kill_members
from runtime.limits import Limits
from tests.integration.cgroups.conftest import Backend, Spawn

Process = subprocess.Popen[bytes]


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Three processes that wait for their input to end."""
    started = [subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) for _ in range(3)]
    yield started
    for process in started:
        process.communicate()


def test_those_that_appear_meanwhile_are_killed(processes: list[Process]) -> None:
    """Looking and killing go on until nobody new is listed."""
    looks = 0

    def members() -> list[int]:
        nonlocal looks
        looks += 1
        return [process.pid for process in processes[: 1 + looks // 2]]

    kill_members(members)
    assert [process.wait(timeout=10) for process in processes] == [-9, -9, -9]


def test_a_number_that_left_the_group_is_spared(processes: list[Process]) -> None:
    """A process that the second look does not list any more is left alone."""
    looks = iter([[processes[0].pid], []])
    kill_members(lambda: next(looks, []))
    assert processes[0].poll() is None


def test_a_number_of_nobody_is_passed_over(processes: list[Process]) -> None:
    """A member that has ended before it could be killed does not stop the others' killing."""
    processes[0].communicate()
    kill_members(lambda: [process.pid for process in processes[:2]])
    assert processes[1].wait(timeout=10) == -9
    assert processes[2].poll() is None


@pytest.mark.root
@pytest.mark.controller("pids")
@pytest.mark.v1
def test_nothing_can_be_forked_in_a_killed_v1_group(backend: Backend, spawn: Spawn) -> None:
    """On v1 the kill closes the group to new processes first."""
    group = backend("v1").create("job", Limits())
    process = spawn(group, "/bin/cat")
    group.kill()
    assert process.wait(timeout=10) == -9
    assert Path(group.paths["pids"], "pids.max").read_text() == "0\n"
    group.remove()
