"""Limits of a container, seen where they hold: in what its processes can still do."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.container import Container
from runtime.limits import Limits
from tests.integration.container.stage import Stage, end_of, read_line, until

pytestmark = pytest.mark.root

MIB = 1 << 20


def setting(container: Container, *names: str) -> str:
    """The text of the first of these files that a group of the container has."""
    for path in container.cgroup.paths.values():
        for name in names:
            if (Path(path) / name).exists():
                return (Path(path) / name).read_text().strip()
    pytest.fail(f"no group has {names}")


@pytest.mark.controller("memory")
async def test_a_killing_for_want_of_memory_is_counted(stage: Stage) -> None:
    """By the group's own counter, also where the command itself lives on."""
    script = "dd if=/dev/zero of=/dev/null bs=50M count=1 2>/dev/null; echo status $?"
    ended = await stage.run(script, limits=Limits(memory=20 * MIB, memory_swap=20 * MIB))
    assert ended.stdout.endswith(b"status 137\n")
    assert (ended.exit.code, ended.exit.signal) == (0, None)
    assert ended.exit.usage.oom_kills == 1
    assert ended.exit.usage.memory_peak is not None
    assert 19 * MIB <= ended.exit.usage.memory_peak <= 20 * MIB


@pytest.mark.controller("memory")
async def test_the_command_itself_may_be_killed(stage: Stage) -> None:
    """Then it ends by a signal, and the counter says why; PID 1 lives on to tell."""
    limits = Limits(memory=20 * MIB, memory_swap=20 * MIB)
    ended = await stage.run("dd", "if=/dev/zero", "of=/dev/null", "bs=50M", limits=limits)
    assert (ended.exit.signal, ended.exit.source) == (9, "record")
    assert ended.exit.usage.oom_kills == 1


@pytest.mark.controller("memory")
async def test_a_signal_alone_is_no_want_of_memory(stage: Stage) -> None:
    """137 is what a killed command looks like for whatever reason."""
    ended = await stage.run("kill -KILL $$", limits=Limits(memory=20 * MIB))
    assert (ended.exit.signal, ended.exit.usage.oom_kills) == (9, 0)
    ended = await stage.run("exit 137", limits=Limits(memory=20 * MIB))
    assert (ended.exit.code, ended.exit.usage.oom_kills) == (137, 0)


@pytest.mark.controller("memory")
async def test_memory_in_files_counts(stage: Stage) -> None:
    """What is written to /dev/shm is the container's memory, not the host's."""
    script = "dd if=/dev/zero of=/dev/shm/x bs=1M count=40"
    ended = await stage.run(script, limits=Limits(memory=20 * MIB, memory_swap=20 * MIB))
    assert ended.exit.usage.oom_kills >= 1


@pytest.mark.controller("pids")
async def test_the_number_of_tasks_is_limited(stage: Stage) -> None:
    """PID 1 counts, too; a fork bomb is a few failed forks."""
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo never"
    ended = await stage.run(script, limits=Limits(pids=6))
    assert ended.stdout == b""
    assert b"can't fork" in ended.stderr
    assert ended.exit.usage.pids_peak in (None, 6)


@pytest.mark.controller("cpu")
async def test_processor_time_is_limited(stage: Stage) -> None:
    """A loop that wants a whole core is held back, and the group counts how often."""
    script = "echo go; while :; do :; done"
    async with stage.started(script, limits=Limits(cpus=0.1)) as container:
        assert await read_line(container.stdout) == "go"
        await until(lambda: "nr_throttled 0" not in setting(container, "cpu.stat"))
        quota = setting(container, "cpu.cfs_quota_us", "cpu.max")
        assert quota in ("10000", "10000 100000")


@pytest.mark.controller("cpu")
async def test_the_weight_is_set(stage: Stage) -> None:
    """In the file that the hierarchy has for it."""
    async with stage.started("sleep", "1000", limits=Limits(cpu_weight=50)) as container:
        assert setting(container, "cpu.weight", "cpu.shares") in ("50", "512")


@pytest.mark.controller("cpuset")
async def test_processors_are_chosen(stage: Stage) -> None:
    """The kernel says of the command itself where it may run."""
    ended = await stage.run(
        "grep", "Cpus_allowed_list", "/proc/self/status", limits=Limits(cpuset="0")
    )
    assert ended.text.split() == ["Cpus_allowed_list:", "0"]


@pytest.mark.controller("memory")
async def test_swap_is_limited_with_memory(stage: Stage) -> None:
    """Equal to memory means none; the group's own files say so."""
    limits = Limits(memory=32 * MIB, memory_swap=48 * MIB)
    async with stage.started("sleep", "1000", limits=limits) as container:
        assert setting(container, "memory.limit_in_bytes", "memory.max") == str(32 * MIB)
        together = setting(container, "memory.memsw.limit_in_bytes", "memory.swap.max")
        assert together in (str(48 * MIB), str(16 * MIB))


@pytest.mark.controller("memory", "pids")
async def test_the_command_is_never_outside_of_its_group(stage: Stage) -> None:
    """It is born inside: also its first process is in the group of every hierarchy in use."""
    async with stage.started("sleep", "1000") as container:
        members = container.cgroup.members()
        for path in container.cgroup.paths.values():
            text = (Path(path) / "cgroup.procs").read_text()
            assert {int(pid) for pid in text.split()} == set(members)


@pytest.mark.controller("memory")
async def test_usage_can_be_looked_at_meanwhile(stage: Stage) -> None:
    """What the container uses now, and in the end what it has used."""
    script = "dd if=/dev/zero of=/dev/shm/x bs=1M count=8 2>&1; echo go; exec sleep 1000"
    async with stage.started(script) as container:
        while await read_line(container.stdout) != "go":
            pass
        usage = container.usage()
        assert usage.memory_current is not None
        assert usage.memory_current > 8 * MIB
        container.kill()
        ended = await end_of(container)
    assert ended.exit.usage.memory_peak is not None
    assert ended.exit.usage.memory_peak > 8 * MIB
