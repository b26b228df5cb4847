"""Reading the cgroup layout off mountinfo and cgroup texts of different machines."""

from __future__ import annotations

import pytest

from runtime.cgroups.layout import detect_layout, subtree_base
from runtime.errors import CgroupError

HYBRID_MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
HYBRID_OWN = """\
9:name=systemd:/user.slice
8:pids:/
4:memory:/agents/one
1:cpu,cpuacct:/
0::/user.slice
"""
PURE_V2_MOUNTS = """\
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
33 24 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
"""


def test_hybrid_has_limits_on_v1_and_life_on_v2() -> None:
    """Every v1 controller mount and the v2 mount are found, the named hierarchy is left out."""
    layout = detect_layout(HYBRID_MOUNTS, HYBRID_OWN)
    assert layout.kind == "hybrid"
    assert [one.label for one in layout.v1] == ["cpu,cpuacct", "memory", "pids"]
    assert layout.v2 is not None
    assert (layout.v2.mount_point, layout.v2.own) == ("/sys/fs/cgroup/unified", "/user.slice")


def test_each_hierarchy_has_its_own_group() -> None:
    """The group of this process is looked up for each hierarchy by itself."""
    layout = detect_layout(HYBRID_MOUNTS, HYBRID_OWN)
    memory, pids = layout.v1_of("memory"), layout.v1_of("pids")
    assert memory is not None
    assert pids is not None
    assert (memory.own, pids.own) == ("/agents/one", "")


def test_co_mounted_controllers_share_a_hierarchy() -> None:
    """Controllers on one mount give one hierarchy under either name."""
    layout = detect_layout(HYBRID_MOUNTS, HYBRID_OWN)
    assert layout.v1_of("cpu") is layout.v1_of("cpuacct")
    assert layout.v1_of("devices") is None


def test_pure_v2_under_systemd() -> None:
    """A systemd machine has the v2 mount and nothing else."""
    layout = detect_layout(PURE_V2_MOUNTS, "0::/system.slice/pocker.service\n")
    assert layout.kind == "v2"
    assert layout.v1 == ()
    assert layout.v2 is not None
    assert layout.v2.own == "/system.slice/pocker.service"


def test_a_named_hierarchy_beside_v2_is_still_pure_v2() -> None:
    """A v1 mount without controllers does not make a machine hybrid."""
    mounts = PURE_V2_MOUNTS + "40 24 0:37 / /run/named rw - cgroup cgroup rw,name=elogind\n"
    assert detect_layout(mounts, "1:name=elogind:/\n0::/\n").kind == "v2"


def test_v1_without_a_v2_mount() -> None:
    """The kernel lists `0::/` even where v2 is mounted nowhere; that is pure v1."""
    mounts = "\n".join(line for line in HYBRID_MOUNTS.splitlines() if "cgroup2" not in line)
    layout = detect_layout(mounts, HYBRID_OWN)
    assert layout.kind == "v1"
    assert layout.v2 is None


def test_container_with_a_cgroup_namespace() -> None:
    """In a cgroup namespace the own group is the root of what is mounted."""
    mounts = "700 690 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n"
    layout = detect_layout(mounts, "0::/\n")
    assert layout.v2 is not None
    assert layout.v2.own == ""


def test_container_without_a_cgroup_namespace() -> None:
    """A bind mount of the own group shows it as the mount's root, not below it."""
    mounts = "705 690 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    memory = detect_layout(mounts, "4:memory:/docker/abc/inner\n").v1_of("memory")
    assert memory is not None
    assert (memory.mount_point, memory.own) == ("/sys/fs/cgroup/memory", "/inner")


def test_a_mount_that_shows_the_own_group_is_preferred() -> None:
    """Of two mounts of one hierarchy, the one that the own group lies in is used."""
    mounts = (
        "700 690 0:28 /other /mnt/other rw - cgroup2 cgroup rw\n"
        "701 690 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
    )
    layout = detect_layout(mounts, "0::/mine\n")
    assert layout.v2 is not None
    assert (layout.v2.mount_point, layout.v2.own) == ("/sys/fs/cgroup", "/mine")


@pytest.mark.parametrize(("root", "own"), [("/..", "/"), ("/other", "/mine"), ("/", "/../out")])
def test_an_own_group_out_of_sight_means_the_root_of_the_mount(root: str, own: str) -> None:
    """Where no mount shows the own group, groups go to the mount's root."""
    mounts = f"701 690 0:28 {root} /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
    layout = detect_layout(mounts, f"0::{own}\n")
    assert layout.v2 is not None
    assert layout.v2.own == ""


def test_a_similar_prefix_is_not_the_same_group() -> None:
    """`/docker/abcd` does not lie in `/docker/abc`."""
    mounts = "705 690 0:32 /docker/abc /m rw - cgroup cgroup rw,memory\n"
    memory = detect_layout(mounts, "4:memory:/docker/abcd\n").v1_of("memory")
    assert memory is not None
    assert memory.own == ""


def test_a_covered_mount_is_not_used() -> None:
    """A mount with another one stacked on it at the same place cannot be reached."""
    mounts = (
        "33 24 0:28 /first /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
        "34 33 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    )
    layout = detect_layout(mounts, "0::/first/a\n")
    assert layout.v2 is not None
    assert layout.v2.own == "/first/a"


def test_blanks_in_mount_points_are_unescaped() -> None:
    """The kernel writes a blank in a path as an octal escape."""
    layout = detect_layout("33 24 0:28 / /mnt/my\\040groups rw - cgroup2 none rw\n", "0::/\n")
    assert layout.v2 is not None
    assert layout.v2.mount_point == "/mnt/my groups"


def test_no_hierarchy_at_all_is_an_error() -> None:
    """Without any cgroup mount there is nothing to build on, and the message says so."""
    with pytest.raises(CgroupError, match="no cgroup hierarchy with controllers is mounted"):
        detect_layout("22 27 0:21 / /proc rw - proc proc rw\n", "0::/\n")


@pytest.mark.parametrize(
    ("own", "delegated", "base"),
    [
        ("/system.slice/a.service", {"/system.slice/a.service"}, "/system.slice/a.service"),
        (
            "/system.slice/a.service/supervisor",
            {"/system.slice/a.service"},
            "/system.slice/a.service",
        ),
        ("/user.slice/session-1.scope", set(), ""),
        ("/user.slice/supervisor", set(), ""),
        ("", {""}, ""),
        ("/supervisor", {""}, ""),
    ],
)
def test_the_subtree_goes_below_what_is_delegated(own: str, delegated: set[str], base: str) -> None:
    """Own group if delegated, its parent if we are in the leaf of it, and else the root."""
    assert subtree_base(own, delegated.__contains__) == base
