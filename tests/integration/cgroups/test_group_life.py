"""Following, stopping and killing the processes of a group, on each backend."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from runtime.cgroups import Cgroup, CgroupGone, Cgroups
from runtime.errors import CgroupError
from runtime.limits import Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = pytest.mark.root

every_backend = pytest.mark.parametrize("kind", ["detected", V1, "v2"])
FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def small(cgroups: Cgroups) -> Cgroup:
    """A group for a few processes, where the machine can count them on this backend."""
    pids = None if cgroups.layout.kind == "v2" else 40
    return cgroups.create("job", Limits(pids=pids))


@every_backend
async def test_kill_and_wait(backend: Backend, spawn: Spawn, kind: str) -> None:
    """All members die of SIGKILL, and the wait ends when they have."""
    group = small(backend(kind))
    processes = [spawn(group, "/bin/cat") for _ in range(3)]
    assert sorted(group.members()) == sorted(process.pid for process in processes)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(group.wait_empty)
            await trio.testing.wait_all_tasks_blocked(0.01)
            group.kill()
    assert group.members() == []
    assert [process.wait() for process in processes] == [-9, -9, -9]
    group.remove()


@every_backend
async def test_waiting_for_a_natural_end(backend: Backend, spawn: Spawn, kind: str) -> None:
    """The wait lasts while anybody is in the group, and ends with the last one."""
    group = small(backend(kind))
    first, last = spawn(group, "/bin/cat"), spawn(group, "/bin/cat")
    empty = trio.Event()

    async def wait() -> None:
        await group.wait_empty()
        empty.set()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            first.communicate()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert not empty.is_set()
            last.communicate()
    group.remove()


@every_backend
async def test_an_empty_group_does_not_keep_anybody_waiting(backend: Backend, kind: str) -> None:
    """Nobody inside means that there is nothing to wait for."""
    group = small(backend(kind))
    with trio.fail_after(5):
        await group.wait_empty()
    group.remove()


@pytest.mark.controller("pids")
@pytest.mark.parametrize("kind", ["detected", V1])
async def test_a_fork_bomb_dies(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Processes that fork as fast as they can do not outrun the kill."""
    group = small(backend(kind))
    process = spawn(group, sys.executable, "-I", "-S", "-c", FORK_BOMB)
    with trio.fail_after(20):
        while len(group.members()) < 30:
            await trio.lowlevel.checkpoint()
        group.kill()
        await group.wait_empty()
    assert process.wait() == -9
    group.remove()


async def test_kill_before_the_kernel_could_do_it(
    backend: Backend, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without cgroup.kill (before Linux 5.14) the members are killed one by one."""
    group = small(backend("v2"))
    processes = [spawn(group, "/bin/cat") for _ in range(3)]
    write = os.open

    def without_kill(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path.endswith("cgroup.kill"):
            raise FileNotFoundError(2, "absent", path)
        return write(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr("runtime.cgroups.directory.os.open", without_kill)
    group.kill()
    with trio.fail_after(10):
        await group.wait_empty()
    assert [process.wait() for process in processes] == [-9, -9, -9]
    group.remove()


@every_backend
async def test_freeze_and_thaw(backend: Backend, spawn: Spawn, kind: str) -> None:
    """A frozen process does not answer until it is thawed."""
    group = small(backend(kind))
    process = spawn(group, "/bin/cat")
    assert process.stdin is not None
    assert process.stdout is not None
    with trio.fail_after(10):
        await group.freeze()
    process.stdin.write("hello\n")
    process.stdin.flush()
    with trio.move_on_after(0.1) as waited:
        await trio.lowlevel.wait_readable(process.stdout)
    assert waited.cancelled_caught
    group.thaw()
    with trio.fail_after(10):
        await trio.lowlevel.wait_readable(process.stdout)
    await group.delete()


@every_backend
async def test_frozen_processes_can_be_killed(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Deleting a frozen group neither hangs nor fails."""
    group = small(backend(kind))
    process = spawn(group, "/bin/cat")
    await group.freeze()
    with trio.fail_after(10):
        await group.delete()
    assert process.wait() == -9


@pytest.mark.v1
async def test_freezing_without_a_freezer(backend: Backend) -> None:
    """A v1 group that never joined a freezer says so."""
    cgroups = backend("v1")
    group = small(cgroups)
    os.rmdir(group.paths["freezer"])
    adopted = cgroups.open_existing("job")
    with pytest.raises(CgroupError, match="it has no freezer controller"):
        await adopted.freeze()
    group.remove()


@every_backend
async def test_a_group_that_somebody_removed(backend: Backend, kind: str) -> None:
    """What takes away is content, what reads says that the group is gone."""
    group = small(backend(kind))
    for path in group.paths.values():
        Path(path).rmdir()
    assert group.members() == []
    group.kill()
    group.thaw()
    with trio.fail_after(5):
        await group.wait_empty()
        with pytest.raises(CgroupGone, match="no such file or directory"):
            group.usage()
        with pytest.raises(CgroupGone):
            await group.freeze()
        await group.delete()
    group.remove()


async def test_a_wait_survives_removal_by_others(backend: Backend, spawn: Spawn) -> None:
    """If the group ends and is removed while we wait, the wait ends."""
    group = small(backend("detected"))
    process = spawn(group, "/bin/cat")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(group.wait_empty)
            await trio.testing.wait_all_tasks_blocked(0.01)
            process.communicate()
            group.remove()


@pytest.mark.parametrize("kind", ["detected", V1])
def test_usage_counts_work(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Processor time, memory and processes of a job are counted, at the first look."""
    group = small(backend(kind))
    process = spawn(group, "/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    process.communicate()
    usage = group.usage()
    assert usage.cpu_seconds > 0
    assert usage.memory_peak is None or usage.memory_peak > 0
    assert usage.pids_peak is None or usage.pids_peak >= 1
    assert usage.io_read is None
    group.remove()
