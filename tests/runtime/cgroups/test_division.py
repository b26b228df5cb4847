"""Which hierarchies a container joins on which machine."""

from __future__ import annotations

import pytest

from runtime.cgroups.division import absent_defaults, divide
from runtime.cgroups.layout import Hierarchy, Layout
from runtime.errors import CgroupError
from runtime.limits import HugetlbLimit, IoLimit, Limits


def v1_mount(*controllers: str) -> Hierarchy:
    """A v1 hierarchy with these controllers on one mount."""
    return Hierarchy(controllers=controllers, mount_point=f"/cg/{','.join(controllers)}", own="")


V2 = Hierarchy(mount_point="/cg/unified", own="")
V1_MOUNTS = tuple(
    v1_mount(name)
    for name in ("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids")
)
HYBRID = Layout(v1=V1_MOUNTS, v2=V2)


def test_a_hybrid_machine_joins_little_by_default() -> None:
    """Memory and pids on v1, nothing else: all the rest of a default container is on v2."""
    division = divide(Limits(), HYBRID, {"hugetlb"}, devices_on_v1=False)
    assert division.labels == ("memory", "pids")
    assert division.on_v2 == ()


def test_limits_join_their_controllers() -> None:
    """Each kind of limit brings its hierarchy with it."""
    limits = Limits(cpus=1, cpuset="0", io=(IoLimit(device="/dev/sda"),))
    division = divide(limits, HYBRID, (), devices_on_v1=False)
    assert division.labels == ("memory", "pids", "cpu", "cpuset", "blkio")


def test_pure_v1_stands_in_for_the_v2_side() -> None:
    """Without a v2 mount devices, processor time and freezing take v1 controllers."""
    division = divide(Limits(), Layout(v1=V1_MOUNTS), (), devices_on_v1=True)
    assert division.labels == ("memory", "pids", "devices", "cpuacct", "freezer")


def test_unrestricted_devices_need_no_controller() -> None:
    """A list of None skips the devices hierarchy."""
    division = divide(Limits(devices=None), Layout(v1=V1_MOUNTS), (), devices_on_v1=True)
    assert "devices" not in division.labels


def test_pure_v2_keeps_everything_on_v2() -> None:
    """On pure v2 the resources are controllers to enable."""
    division = divide(
        Limits(cpus=1), Layout(v2=V2), {"cpu", "io", "memory", "pids"}, devices_on_v1=False
    )
    assert division.on_v2 == ("memory", "pids", "cpu")
    assert division.labels == ()


def test_a_controller_missing_on_v1_is_taken_from_v2() -> None:
    """A kernel without v1 memory has that controller on the v2 side of a hybrid machine."""
    layout = Layout(v1=(v1_mount("pids"),), v2=V2)
    division = divide(Limits(), layout, {"memory"}, devices_on_v1=False)
    assert (division.on_v1, division.on_v2) == (("pids",), ("memory",))


def test_a_cpuset_that_shares_a_mount_is_set_up_too() -> None:
    """Joining cpu joins what is mounted with it, and a cpuset has to be filled first."""
    layout = Layout(v1=(v1_mount("cpu", "cpuset"), v1_mount("pids")), v2=V2)
    division = divide(Limits(cpus=1), layout, (), devices_on_v1=False)
    assert division.labels == ("pids", "cpu,cpuset")
    assert "cpuset" in division.on_v1


def test_counting_alone_does_without_a_controller() -> None:
    """Memory that is not limited needs no memory controller."""
    division = divide(Limits(), Layout(v1=(v1_mount("pids"),), v2=V2), (), devices_on_v1=False)
    assert division.on_v1 == ("pids",)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(memory=1 << 20, pids=None), "^memory: the memory controller"),
        (Limits(pids=7), "^pids_limit: the pids controller"),
        (Limits(pids=None, hugetlb=(HugetlbLimit(page="2MB", limit=0),)), "^hugetlb: the hugetlb"),
        (Limits(pids=None, cpu_weight=5), "^cpu_weight: the cpu controller"),
        (Limits(pids=None, io_weight=5), "^io_weight: the io controller"),
    ],
)
def test_an_absent_controller_is_named_with_the_field(limits: Limits, message: str) -> None:
    """A limit that nothing can keep is an error, not a shrug."""
    with pytest.raises(CgroupError, match=message):
        divide(limits, Layout(v2=V2), {"rdma"}, devices_on_v1=False)


def test_a_default_that_nothing_can_keep_is_told_and_done_without() -> None:
    """No job has asked for a number of processes, so none fails for want of its controller."""
    machine = Layout(v2=V2)
    assert divide(Limits(), machine, {"memory"}, devices_on_v1=False).on_v2 == ("memory",)
    absent = absent_defaults(machine, {"memory"})
    assert list(absent) == ["pids"]
    assert absent["pids"].startswith("the pids controller is neither")
    assert absent_defaults(HYBRID, ()) == {}


def test_an_absent_devices_controller_is_named() -> None:
    """Where neither a filter nor v1 can keep the device list, nothing is started."""
    with pytest.raises(CgroupError, match=r"^devices: the devices controller is not mounted"):
        divide(Limits(), Layout(v1=(v1_mount("pids"),)), (), devices_on_v1=True)
