"""Other limits for groups that are in use, on the real kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import CgroupError
from runtime.limits import Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn
from tests.integration.cgroups.test_group_limits import MEGABYTE, text

pytestmark = pytest.mark.root

HOLD = "x=$(head -c 30000000 /dev/zero | tr '\\0' x); echo full; read y"
"""Keeps 30 MB in a variable."""


@pytest.mark.controller("memory", "pids", "cpu", "cpuset")
@pytest.mark.parametrize("kind", ["detected", V1])
def test_a_group_in_use_gets_other_limits(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Larger and smaller ones, lifted ones, and such as it had none of; its process is counted."""
    cgroups = backend(kind)
    group = cgroups.create("job", Limits(memory=64 * MEGABYTE, memory_swap=64 * MEGABYTE, pids=17))
    process = spawn(group, "sleep", "1000")
    cgroups.limit(group, Limits(memory=200 * MEGABYTE, pids=None, cpus=0.5, cpuset="0"))
    assert text(group, "memory.limit_in_bytes") == str(200 * MEGABYTE)
    assert text(group, "pids.max") == "max"
    assert text(group, "cpu.cfs_quota_us").split()[0] == "50000"
    assert text(group, "cpuset.cpus") == "0"
    for path in group.paths.values():
        assert str(process.pid) in Path(f"{path}/cgroup.procs").read_text().split()
    cgroups.limit(group, Limits(memory=32 * MEGABYTE, memory_swap=-1, pids=18, cpus=2))
    assert text(group, "memory.limit_in_bytes") == str(32 * MEGABYTE)
    assert text(group, "pids.max") == "18"
    assert text(group, "cpu.cfs_quota_us").split()[0] == "200000"
    process.kill()
    process.wait()
    group.remove()


@pytest.mark.controller("memory", "pids", "cpu", "cpuset")
@pytest.mark.parametrize("kind", ["detected", V1])
def test_what_cannot_be_had_changes_nothing(backend: Backend, spawn: Spawn, kind: str) -> None:
    """All limits stay, whichever was refused; no hierarchy is joined and nobody killed."""
    cgroups = backend(kind)
    group = cgroups.create("job", Limits(memory=64 * MEGABYTE, pids=17))
    process = spawn(group, "/bin/sh", "-c", HOLD)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 5) == b"full\n"
    before = dict(group.paths)
    with pytest.raises(CgroupError, match=r"^memory: 16MiB are less than the .*MiB in use$"):
        cgroups.limit(group, Limits(memory=16 * MEGABYTE, cpus=0.5))
    with pytest.raises(CgroupError, match=r"^cpuset: "):
        cgroups.limit(group, Limits(memory=128 * MEGABYTE, pids=18, cpus=0.5, cpuset="4095"))
    assert text(group, "memory.limit_in_bytes") == str(64 * MEGABYTE)
    assert text(group, "pids.max") == "17"
    assert group.paths == before
    assert process.poll() is None
    process.kill()
    process.wait()
    group.remove()
