"""Out-of-memory kills: counted by the kernel, told by the watch, shown in the usage."""

from __future__ import annotations

import os
import sys

import pytest
import trio
import trio.testing

from runtime.cgroups import Cgroup
from runtime.limits import Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = [pytest.mark.root, pytest.mark.controller("memory")]

MEGABYTE = 1 << 20
HUNGRY = (sys.executable, "-I", "-S", "-c", "x = b'x' * (300 << 20)")
CAPPED = Limits(memory=32 * MEGABYTE, memory_swap=32 * MEGABYTE)


async def eaten(group: Cgroup, spawn: Spawn) -> int:
    """Run a process that wants too much and return its status."""
    process = spawn(group, *HUNGRY)
    return await trio.to_thread.run_sync(process.wait)


@pytest.mark.parametrize("kind", ["detected", V1])
async def test_a_kill_is_counted(backend: Backend, spawn: Spawn, kind: str) -> None:
    """The count, the peak and the limit agree with what happened."""
    group = backend(kind).create("job", CAPPED)
    assert group.oom_kills() == 0
    assert await eaten(group, spawn) == -9
    usage = group.usage()
    assert group.oom_kills() == usage.oom_kills == 1
    assert usage.memory_peak is not None
    assert 24 * MEGABYTE < usage.memory_peak <= 32 * MEGABYTE
    assert usage.cpu_seconds > 0
    assert usage.own_limit_hits is None or usage.own_limit_hits >= 1
    await group.delete()


@pytest.mark.parametrize("kind", ["detected", V1])
async def test_the_watch_tells(backend: Backend, spawn: Spawn, kind: str) -> None:
    """A wait that began before the kill ends, and the count has risen by then; twice."""
    group = backend(kind).create("job", CAPPED)
    watch = group.watch_oom()
    for kills in (1, 2):
        process = spawn(group, *HUNGRY)
        with trio.fail_after(20):
            while group.oom_kills() < kills:
                await watch.wait()
            await trio.to_thread.run_sync(process.wait)
    watch.close()
    await group.delete()


async def test_a_kill_before_the_wait_is_not_missed(backend: Backend, spawn: Spawn) -> None:
    """What happened since the watch began ends the first wait at once."""
    group = backend("detected").create("job", CAPPED)
    watch = group.watch_oom()
    await eaten(group, spawn)
    with trio.fail_after(5):
        await watch.wait()
    watch.close()
    await group.delete()


async def test_other_groups_are_not_told(backend: Backend, spawn: Spawn) -> None:
    """The watch of a group sleeps through the kills of its neighbour."""
    cgroups = backend("detected")
    calm, wild = cgroups.create("calm", CAPPED), cgroups.create("wild", CAPPED)
    watch = calm.watch_oom()
    await eaten(wild, spawn)
    with trio.move_on_after(0.2) as waited:
        await watch.wait()
    assert waited.cancelled_caught
    assert calm.oom_kills() == 0
    watch.close()
    await calm.delete()
    await wild.delete()


async def test_an_ordinary_sigkill_is_no_oom(backend: Backend, spawn: Spawn) -> None:
    """A status of 9 alone says nothing: the count stays at zero."""
    group = backend("detected").create("job", CAPPED)
    process = spawn(group, "/bin/cat")
    group.kill()
    assert await trio.to_thread.run_sync(process.wait) == -9
    assert group.oom_kills() == 0
    await group.delete()


async def test_kills_in_groups_of_the_job_count(backend: Backend, spawn: Spawn) -> None:
    """A job that made a group of its own does not hide a kill in it."""
    group = backend("detected").create("job", CAPPED)
    nested = f"{group.paths.get('memory') or group.paths['unified']}/nested"
    os.mkdir(nested)
    shell = f'echo 0 > {nested}/cgroup.procs; exec "$@"'
    process = spawn(group, "/bin/sh", "-c", shell, "nested", *HUNGRY)
    assert await trio.to_thread.run_sync(process.wait) == -9
    assert group.oom_kills() == 1
    await group.delete()


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_closed_watch(backend: Backend, waiting: bool) -> None:
    """Closing ends a wait with an error, and so does waiting after it."""
    group = backend("detected").create("job", Limits())
    watch = group.watch_oom()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await watch.wait()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            if waiting:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked()
            watch.close()
            watch.close()
    await wait()
    await group.delete()
