"""Limits on the real kernel: written, read back, in force, and refused where impossible."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.cgroups import Cgroup, Cgroups
from runtime.errors import CgroupError
from runtime.limits import HugetlbLimit, IoLimit, Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = pytest.mark.root

MEGABYTE = 1 << 20
ON_V1_AND_V2 = {
    "memory.limit_in_bytes": "memory.max",
    "memory.memsw.limit_in_bytes": "memory.swap.max",
    "cpu.cfs_quota_us": "cpu.max",
    "cpu.shares": "cpu.weight",
    "hugetlb.2MB.limit_in_bytes": "hugetlb.2MB.max",
}


def text(group: Cgroup, file: str) -> str:
    """The text of a limit's file, wherever the group has it."""
    for path in group.paths.values():
        for name in (file, ON_V1_AND_V2.get(file, file)):
            if os.path.exists(f"{path}/{name}"):
                return Path(f"{path}/{name}").read_text().strip()
    raise AssertionError(f"{file} is in none of {group.paths}")


def available(cgroups: Cgroups) -> set[str]:
    """All controllers, wherever they are mounted."""
    found = {name for one in cgroups.layout.v1 for name in one.controllers}
    if cgroups.layout.v2 is not None:
        found.update(
            Path(f"{cgroups.layout.v2.mount_point}/cgroup.controllers").read_text().split()
        )
    return found


@pytest.mark.controller("memory", "pids", "cpu", "cpuset")
@pytest.mark.parametrize("kind", ["detected", V1])
def test_limits_are_in_force(backend: Backend, kind: str) -> None:
    """Every limit can be read from the kernel after create()."""
    group = backend(kind).create(
        "job", Limits(memory=64 * MEGABYTE, cpus=0.5, cpu_weight=100, pids=17, cpuset="0")
    )
    assert text(group, "memory.limit_in_bytes") == str(64 * MEGABYTE)
    assert text(group, "pids.max") == "17"
    assert text(group, "cpuset.cpus") == "0"
    assert text(group, "cpu.cfs_quota_us").split()[0] == "50000"
    assert text(group, "cpu.shares") in ("1024", "100")
    group.remove()


@pytest.mark.controller("memory", "pids")
def test_a_default_container_joins_few_hierarchies(backend: Backend) -> None:
    """Nothing but memory and pids is joined where the machine has v2 for the rest."""
    group = backend("detected").create("job", Limits())
    assert set(group.paths) <= {"memory", "pids", "unified"}
    group.remove()


def test_a_name_is_taken_only_once(backend: Backend) -> None:
    """A second group of the same name is refused and the first one stays."""
    cgroups = backend("detected")
    group = cgroups.create("job", Limits())
    with pytest.raises(CgroupError, match="job: it exists already"):
        cgroups.create("job", Limits())
    assert cgroups.existing() == ["job"]
    assert group.usage().oom_kills == 0
    group.remove()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "-a", "a\n", "a\0b", "é", "x" * 129, ".hidden"]
)
def test_a_hostile_name_is_refused(backend: Backend, name: str) -> None:
    """Names cannot leave the project's own group."""
    cgroups = backend("detected")
    with pytest.raises(CgroupError, match=r"^cgroup '.*': a name has 1 to 128"):
        cgroups.create(name, Limits())
    with pytest.raises(CgroupError, match=r"^cgroup '.*': a name has 1 to 128"):
        cgroups.open_existing(name)


def test_a_name_of_a_kernel_file_is_refused(backend: Backend) -> None:
    """The files beside the groups keep their names, and a failed create leaves nothing."""
    cgroups = backend("detected")
    with pytest.raises(CgroupError, match="it exists already"):
        cgroups.create("cgroup.procs", Limits())
    assert cgroups.existing() == []


IMPOSSIBLE = [
    (Limits(pids=2**40), "^pids_limit: write 1099511627776 to .*/pids.max: invalid argument"),
    (Limits(memory=2**70), "^memory: "),
    (Limits(io=(IoLimit(device="/dev/null", read_bytes=1),)), r"^io\[0\]: device /dev/null: not a"),
    (
        Limits(io=(IoLimit(device="/dev/none", read_bytes=1),)),
        r"^io\[0\]: device /dev/none: no suc",
    ),
]


@pytest.mark.controller("memory", "pids")
@pytest.mark.parametrize(("limits", "message"), IMPOSSIBLE)
def test_an_impossible_limit_leaves_nothing(backend: Backend, limits: Limits, message: str) -> None:
    """The error names the field, the file and the cause, and no directory stays."""
    cgroups = backend("detected")
    with pytest.raises(CgroupError, match=message):
        cgroups.create("job", limits)
    assert cgroups.existing() == []


@pytest.mark.controller("cpuset")
@pytest.mark.parametrize("kind", ["detected", V1])
def test_processors_that_are_not_there(backend: Backend, kind: str) -> None:
    """A cpuset beyond the machine is refused."""
    cgroups = backend(kind)
    with pytest.raises(CgroupError, match=r"^cpuset: "):
        cgroups.create("job", Limits(cpuset="4000"))
    assert cgroups.existing() == []


def test_io_ceilings_and_weight(backend: Backend) -> None:
    """A real block device is limited by its number, and what it has moved is counted."""
    device = next((f"/dev/{name}" for name in os.listdir("/sys/block")), None)
    if device is None or not os.path.exists(device):
        pytest.skip("needs a block device")
    limit = IoLimit(device=device, read_bytes=MEGABYTE, write_operations=7)
    group = backend("detected").create("job", Limits(io=(limit,), io_weight=200))
    number = os.stat(device).st_rdev
    where = f"{os.major(number)}:{os.minor(number)} "
    if "blkio" in group.paths:
        assert text(group, "blkio.throttle.read_bps_device") == f"{where}{MEGABYTE}"
        assert text(group, "blkio.throttle.write_iops_device") == f"{where}7"
        assert text(group, "blkio.bfq.weight") == "109"
    else:
        assert text(group, "io.max") == f"{where}rbps={MEGABYTE} wbps=max riops=max wiops=7"
    usage = group.usage()
    assert (usage.io_read, usage.io_write) == (0, 0)
    group.remove()


def test_limits_without_a_controller(backend: Backend) -> None:
    """A limit whose controller is in no hierarchy in use is named, nothing is made."""
    cgroups = backend("v2")
    assert cgroups.layout.v2 is not None
    controllers = Path(cgroups.layout.v2.mount_point, "cgroup.controllers").read_text().split()
    if "cpu" in controllers:
        pytest.skip("needs a v2 mount without the cpu controller")
    with pytest.raises(CgroupError, match=r"^cpus: the cpu controller is neither mounted as v1"):
        cgroups.create("job", Limits(cpus=1, pids=None))
    assert cgroups.existing() == []


@pytest.mark.controller("pids")
def test_the_number_of_tasks_is_limited(backend: Backend, spawn: Spawn) -> None:
    """One process more than allowed cannot be forked."""
    group = backend("detected").create("job", Limits(pids=1))
    process = spawn(group, "/bin/sh", "-c", "/bin/true; echo survived")
    out, _ = process.communicate()
    assert "survived" not in out
    assert process.returncode != 0
    group.remove()


@pytest.mark.controller("cpu")
def test_an_earlier_parent_removed_by_others(backend: Backend) -> None:
    """If somebody clears away the empty parent, the next create makes it anew."""
    first, second = backend("detected"), backend("detected")
    first.create("one", Limits(cpus=1)).remove()
    second.remove_parent_if_empty()
    group = first.create("two", Limits(cpus=1))
    assert first.existing() == second.existing() == ["two"]
    group.remove()


def test_nothing_is_made_before_the_first_create(backend: Backend) -> None:
    """Opening the manager and asking it touches no hierarchy."""
    cgroups = backend("detected")
    assert cgroups.existing() == []
    cgroups.remove_parent_if_empty()
    assert Cgroups.open().layout == cgroups.layout


@pytest.mark.parametrize("kind", ["detected", V1, "v2"])
def test_every_descriptor_closes_on_exec(backend: Backend, kind: str) -> None:
    """No descriptor of the package is inherited by a program that the supervisor runs."""
    before = inheritable()
    group = backend(kind).create("job", Limits(pids=None))
    watch = None if group.usage().memory_current is None else group.watch_oom()
    assert inheritable() == before
    if watch is not None:
        watch.close()
    group.remove()


def inheritable() -> set[int]:
    """Descriptors that a program started now would get."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                found.add(int(name))
        except OSError:
            continue  # the one by which the directory was listed
    return found


@pytest.mark.controller("memory")
def test_v2_slows_down_and_kills_together(backend: Backend) -> None:
    """Both are in force where v2 has the memory, and the first is refused where v1 has it."""
    cgroups = backend("detected")
    if cgroups.layout.v1_of("memory") is None:
        group = cgroups.create("job", Limits(memory_high=MEGABYTE, oom_group=True))
        assert text(group, "memory.high") == str(MEGABYTE)
        assert text(group, "memory.oom.group") == "1"
        assert group.kills_together
        group.remove()
    else:
        with pytest.raises(CgroupError, match=r"^memory_high: .* v1"):
            cgroups.create("job", Limits(memory_high=MEGABYTE))
        group = cgroups.create("job", Limits(oom_group=True))
        assert not group.kills_together
        group.remove()


def test_huge_pages_are_limited(backend: Backend) -> None:
    """The limit is read back; what the machine does not have is refused by name."""
    cgroups = backend("detected")
    limit = HugetlbLimit(page="2MB", limit=4 * MEGABYTE)
    if "hugetlb" not in available(cgroups):
        with pytest.raises(CgroupError, match=r"^hugetlb: the hugetlb controller is "):
            cgroups.create("job", Limits(hugetlb=(limit,)))
        return
    group = cgroups.create("job", Limits(hugetlb=(limit,)))
    assert text(group, "hugetlb.2MB.limit_in_bytes") == str(4 * MEGABYTE)
    group.remove()
    with pytest.raises(CgroupError, match=r"^hugetlb\.3MB: this kernel has no hugetlb\.3MB"):
        cgroups.create("job", Limits(hugetlb=(HugetlbLimit(page="3MB", limit=0),)))


@pytest.mark.controller("memory", "pids")
async def test_the_load_is_what_the_kernel_counts(backend: Backend, spawn: Spawn) -> None:
    """Tasks, limits and, beside a v2 mount, the pressure on everything."""
    cgroups = backend("detected")
    group = cgroups.create("job", Limits(memory=64 * MEGABYTE, pids=17))
    process = spawn(group, "/bin/cat")
    load = group.load()
    assert (load.pids, load.pids_limit, load.memory_limit) == (1, 17, 64 * MEGABYTE)
    assert load.memory_working is not None
    assert 0 < load.memory_working <= (load.usage.memory_current or 0)
    if cgroups.layout.v2 is None or not os.path.exists("/proc/pressure/cpu"):
        assert load.pressure == {}
    else:
        assert set(load.pressure) == {"cpu", "memory", "io"}
    process.communicate()
    await group.delete()
