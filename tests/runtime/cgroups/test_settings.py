"""What is written for each limit on v1 and v2, and what the kernel is expected to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups.settings import (
    V1_SETTINGS,
    V2_SETTINGS,
    Resource,
    Setting,
    Surroundings,
    bfq_weight,
    canonical_list,
    cpu_shares,
    demanded,
)
from runtime.errors import CgroupError
from runtime.limits import HugetlbLimit, IoLimit, Limits

MEGABYTE = 1 << 20
PAGE = 4096
AROUND = Surroundings(page=PAGE, block_devices={"/dev/sda": "8:0"}, cpus="0-3", nodes="0")


def v1(resource: Resource, limits: Limits) -> list[tuple[str, str]]:
    """Files and values on v1."""
    return written(V1_SETTINGS[resource](limits, AROUND))


def v2(resource: Resource, limits: Limits) -> list[tuple[str, str]]:
    """Files and values on v2."""
    return written(V2_SETTINGS[resource](limits, AROUND))


def written(settings: list[Setting]) -> list[tuple[str, str]]:
    """Files and values alone."""
    return [(setting.file, setting.value) for setting in settings]


def test_memory_without_a_word_on_swap_allows_as_much_swap() -> None:
    """The default is twice the memory: v1 counts both together, v2 swap alone."""
    limits = Limits(memory=MEGABYTE)
    assert v1("memory", limits) == [
        ("memory.limit_in_bytes", "1048576"),
        ("memory.memsw.limit_in_bytes", "2097152"),
    ]
    assert v2("memory", limits) == [("memory.max", "1048576"), ("memory.swap.max", "1048576")]


def test_memory_swap_equal_to_memory_forbids_swap() -> None:
    """Equal values leave nothing to swap."""
    limits = Limits(memory=MEGABYTE, memory_swap=MEGABYTE)
    assert v1("memory", limits)[1] == ("memory.memsw.limit_in_bytes", "1048576")
    assert v2("memory", limits)[1] == ("memory.swap.max", "0")


def test_unlimited_swap_writes_nothing() -> None:
    """Minus one leaves the kernel's own default, which is no limit."""
    limits = Limits(memory=MEGABYTE, memory_swap=-1)
    assert v1("memory", limits) == [("memory.limit_in_bytes", "1048576")]
    assert v2("memory", limits) == [("memory.max", "1048576")]


def test_only_a_swap_limit_that_was_asked_for_needs_swap_accounting() -> None:
    """Without the kernel's file the default is left out and an explicit wish fails."""
    for table in (V1_SETTINGS, V2_SETTINGS):
        default = table["memory"](Limits(memory=MEGABYTE), AROUND)[1]
        explicit = table["memory"](Limits(memory=MEGABYTE, memory_swap=MEGABYTE), AROUND)[1]
        assert (default.optional, explicit.optional) == (True, False)


def test_memory_is_expected_back_in_whole_pages() -> None:
    """The kernel rounds down to pages, and shows its maximum for what exceeds it."""
    (odd, _) = V1_SETTINGS["memory"](Limits(memory=MEGABYTE + 1), AROUND)
    assert odd.shown == str(MEGABYTE)
    huge = Limits(memory=2**62)
    assert V1_SETTINGS["memory"](huge, AROUND)[1].shown == str((2**63 - 1) // PAGE * PAGE)
    assert V2_SETTINGS["memory"](Limits(memory=2**63), AROUND)[0].shown == "max"


def test_memory_reservation() -> None:
    """A reservation is v1's soft limit and v2's low mark."""
    limits = Limits(memory_reservation=MEGABYTE)
    assert v1("memory", limits) == [("memory.soft_limit_in_bytes", "1048576")]
    assert v2("memory", limits) == [("memory.low", "1048576")]


def test_pids() -> None:
    """The number of tasks has the same file on both sides; None writes nothing."""
    assert v1("pids", Limits(pids=7)) == v2("pids", Limits(pids=7)) == [("pids.max", "7")]
    assert v1("pids", Limits(pids=None)) == []


def test_cpus_become_a_quota_in_each_period() -> None:
    """Half a core is 50 ms of every 100 ms."""
    assert v1("cpu", Limits(cpus=0.5)) == [("cpu.cfs_quota_us", "50000")]
    assert v2("cpu", Limits(cpus=0.5)) == [("cpu.max", "50000 100000")]


def test_cpu_weight_keeps_the_default_and_the_ratios() -> None:
    """100 competes as a group without a weight does, 200 twice as much, on v1 too."""
    assert cpu_shares(100) == 1024
    assert cpu_shares(200) == 2048
    assert v1("cpu", Limits(cpu_weight=50)) == [("cpu.shares", "512")]
    assert v2("cpu", Limits(cpu_weight=50)) == [("cpu.weight", "50")]


@given(st.integers(1, 10_000))
def test_weights_stay_within_what_the_kernel_takes(weight: int) -> None:
    """Every weight maps into the range of the v1 files."""
    assert 2 <= cpu_shares(weight) <= 262_144
    assert 1 <= bfq_weight(weight) <= 1_000


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=2))
def test_weights_keep_their_order(pair: list[int]) -> None:
    """A larger weight never becomes a smaller one."""
    low, high = sorted(pair)
    assert cpu_shares(low) <= cpu_shares(high)
    assert bfq_weight(low) <= bfq_weight(high)


def test_cpuset_on_v1_fills_in_what_is_not_limited() -> None:
    """A v1 cpuset needs both lists: the one left open is the parent's."""
    assert v1("cpuset", Limits(cpuset="1")) == [("cpuset.cpus", "1"), ("cpuset.mems", "0")]
    assert v1("cpuset", Limits(cpuset_mems="0")) == [("cpuset.cpus", "0-3"), ("cpuset.mems", "0")]


def test_cpuset_on_v2_is_confirmed_by_the_effective_list() -> None:
    """The file itself echoes even processors that do not exist."""
    (setting,) = V2_SETTINGS["cpuset"](Limits(cpuset="1,0"), AROUND)
    assert (setting.file, setting.value) == ("cpuset.cpus", "0-1")
    assert (setting.shown_in, setting.shown) == ("cpuset.cpus.effective", "0-1")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("0", "0"), ("0,1", "0-1"), ("3, 0-1,2", "0-3"), ("0-1,4", "0-1,4"), ("5,5", "5")],
)
def test_lists_are_compared_in_the_kernel_form(text: str, canonical: str) -> None:
    """Different spellings of one set are one set."""
    assert canonical_list("cpuset", text) == canonical


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "2-1", "0,,1", "0-99999999999", "٣", "1-²"])
def test_a_malformed_list_names_the_field(text: str) -> None:
    """A list that is none is refused before anything is written."""
    with pytest.raises(CgroupError, match=r"^cpuset: "):
        canonical_list("cpuset", text)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_canonical_lists_keep_the_set(numbers: set[int]) -> None:
    """Whatever the order, the canonical list has exactly the same members."""
    parts = [
        part.split("-") for part in canonical_list("f", ",".join(map(str, numbers))).split(",")
    ]
    members = [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]
    assert members == sorted(numbers)


def test_io_ceilings_by_device_number() -> None:
    """Each given rate is written; v2 shows the others as unlimited."""
    limits = Limits(io=(IoLimit(device="/dev/sda", read_bytes=1000, write_operations=5),))
    assert v1("io", limits) == [
        ("blkio.throttle.read_bps_device", "8:0 1000"),
        ("blkio.throttle.write_iops_device", "8:0 5"),
    ]
    (setting,) = V2_SETTINGS["io"](limits, AROUND)
    assert (setting.file, setting.value) == ("io.max", "8:0 rbps=1000 wiops=5")
    assert setting.shown == "8:0 rbps=1000 wbps=max riops=max wiops=5"


def test_an_io_limit_without_rates_writes_nothing() -> None:
    """A device that is merely named is not limited."""
    limits = Limits(io=(IoLimit(device="/dev/sda"),))
    assert v1("io", limits) == v2("io", limits) == []


def test_io_weight_falls_back_to_the_cost_model() -> None:
    """v2 writes the scheduler's weight and, where that file is absent, the cost model's."""
    (setting,) = V2_SETTINGS["io"](Limits(io_weight=10_000), AROUND)
    assert (setting.file, setting.value) == ("io.bfq.weight", "1000")
    assert setting.instead is not None
    assert (setting.instead.file, setting.instead.value) == ("io.weight", "10000")
    assert v1("io", Limits(io_weight=100)) == [("blkio.bfq.weight", "100")]


def test_what_limits_demand() -> None:
    """A limit demands its controller and says which field asked; defaults demand nothing."""
    assert demanded(Limits()) == demanded(Limits(pids=None)) == {}
    assert demanded(
        Limits(memory=MEGABYTE, pids=7, cpus=1, cpuset="0", io=(IoLimit(device="/dev/sda"),))
    ) == {"memory": "memory", "pids": "pids_limit", "cpu": "cpus", "cpuset": "cpuset", "io": "io"}


def test_a_policy_demands_memory() -> None:
    """Where no limit does."""
    assert demanded(Limits(oom_group=True)) == {"memory": "oom_policy"}


def test_a_job_is_slowed_down_on_v2_only() -> None:
    """v1 has nothing of the kind, and says so in place of doing nothing."""
    limits = Limits(memory_high=MEGABYTE)
    assert v2("memory", limits) == [("memory.high", "1048576")]
    with pytest.raises(CgroupError, match=r"^memory_high: .* v1, which cannot"):
        v1("memory", limits)


def test_only_v2_is_told_to_kill_all() -> None:
    """v1 knows of single processes; the supervisor stands in for it."""
    limits = Limits(oom_group=True)
    assert v2("memory", limits) == [("memory.oom.group", "1")]
    assert v1("memory", limits) == []


def test_huge_pages_are_limited_by_size() -> None:
    """In whole pages; those that are set aside too, where the kernel counts them."""
    limits = Limits(hugetlb=(HugetlbLimit(page="2MB", limit=5 * MEGABYTE),))
    used, reserved = V2_SETTINGS["hugetlb"](limits, AROUND)
    assert (used.file, used.value, used.shown) == ("hugetlb.2MB.max", "5242880", "4194304")
    assert (reserved.file, reserved.optional) == ("hugetlb.2MB.rsvd.max", True)
    assert v1("hugetlb", limits)[0] == ("hugetlb.2MB.limit_in_bytes", "5242880")
