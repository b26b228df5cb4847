"""What is written to change limits that are in force, and in which order."""

from __future__ import annotations

import pytest

from runtime.cgroups.changes import changeable, v1_changes, v2_changes
from runtime.cgroups.settings import Surroundings
from runtime.limits import HugetlbLimit, IoLimit, Limits

MEGABYTE = 1 << 20
AROUND = Surroundings(page=4096)
ONE, BOTH = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"


@pytest.mark.parametrize(
    ("swap", "before", "order"),
    [
        (20, 5, [BOTH, ONE]),
        (20, 20, [BOTH, ONE]),
        (20, 30, [ONE, BOTH]),
        (20, 1 << 40, [ONE, BOTH]),
        (-1, 30, [BOTH, ONE]),
    ],
)
def test_memory_is_never_above_memory_with_swap(swap: int, before: int, order: list[str]) -> None:
    """Before, between and after the two are written: v1 refuses anything else."""
    limits = Limits(memory=10 * MEGABYTE, memory_swap=swap if swap < 0 else swap * MEGABYTE)
    changes = v1_changes("memory", limits, AROUND, before * MEGABYTE)
    assert [setting.file for setting in changes] == order


def test_what_is_lifted_is_written() -> None:
    """Leaving it out would leave the former limit in force."""
    limits = Limits(memory=10 * MEGABYTE, memory_swap=-1, pids=None)
    (swap, _) = v1_changes("memory", limits, AROUND, 0)
    assert (swap.value, swap.shown) == ("-1", str((2**63 - 1) // 4096 * 4096))
    assert [(each.file, each.value) for each in v2_changes("memory", limits, AROUND)] == [
        ("memory.max", str(10 * MEGABYTE)),
        ("memory.swap.max", "max"),
    ]
    for changes in (v1_changes("pids", limits, AROUND, 0), v2_changes("pids", limits, AROUND)):
        assert [(each.file, each.value) for each in changes] == [("pids.max", "max")]


def test_some_limits_are_for_good() -> None:
    """Devices, block devices and huge pages are as they were at the start."""
    limits = Limits(
        cpus=0.5,
        cpuset="0",
        io=(IoLimit(device="/dev/sda", read_bytes=1),),
        hugetlb=(HugetlbLimit(page="2MB", limit=0),),
    )
    assert changeable(limits) == Limits(cpus=0.5, cpuset="0", devices=None)
