"""From a specification to the steps: what each of its fields becomes."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import SpecError
from runtime.plan import Step, Surroundings, build_plan
from runtime.plan.build import DEFAULT_PATH
from runtime.plan.mounts import Layers, SystemFiles
from runtime.plan.step import NODEV, NOEXEC, NOSUID, RDONLY
from runtime.rootfs import HostView, Identity
from runtime.rootfs.devices import DeviceNode
from runtime.rootfs.host import GENERATED, PRIVATE_DIRECTORIES
from runtime.security.capabilities import to_mask
from runtime.spec import (
    ContainerSpec,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Tmpfs,
    Ulimit,
    Volume,
)

ROOT = Identity(uid=0, gid=0, groups=(), home="/root")
USER = Identity(uid=1000, gid=50, groups=(100, 200), home="/home/user")
HOST = HostView(("/usr", "/etc/ssl/certs"), (("/bin", "usr/bin"),))
SAFE = NOSUID | NOEXEC | NODEV


def around(**changes: Any) -> Surroundings:
    """What a plan is built with, but for `changes`."""
    known: dict[str, Any] = {
        "mountpoint": "/run/pocker/mountpoint",
        "identity": ROOT,
        "host": HOST,
        "files": SystemFiles(binds=(("/run/pocker/hosts", "/etc/hosts"),)),
        "layers": Layers(upper="/var/upper", work="/var/work", skeleton="/run/skeleton"),
        "seccomp": b"12345678",
    }
    return Surroundings(**known | changes)


def spec(**changes: Any) -> ContainerSpec:
    """A small specification, but for `changes`."""
    known: dict[str, Any] = {
        "id": "job",
        "command": ("true",),
        "rootfs": OverlayRootfs(("/image",)),
    }
    return ContainerSpec(**known | changes)


def named(plan: tuple[Step, ...], *names: str) -> list[Step]:
    """The steps of these names, in their order."""
    return [step for step in plan if step.name in names]


def targets(plan: tuple[Step, ...], origins: str = "") -> list[str]:
    """Where mounts go, of those that something in the specification asked for."""
    return [
        str(step.arguments[-1])
        for step in named(plan, "mount", "bind")
        if step.origin.startswith(origins)
    ]


def test_the_kernels_file_systems_are_hardened() -> None:
    """Options are those that HARDENING lists: nothing to execute, no devices, /sys read-only."""
    mounts = {str(step.arguments[4]): step for step in named(build_plan(spec(), around()), "mount")}
    assert {path: step.arguments[:4] for path, step in mounts.items()} == {
        "/proc": ("proc", (), SAFE, 0),
        "/sys": ("sysfs", (), SAFE | RDONLY, 0),
        "/dev": ("tmpfs", ("mode=755", "size=64m"), NOSUID, 0),
        "/dev/pts": ("devpts", ("ptmxmode=0666", "mode=0620", "gid=5"), NOSUID | NOEXEC, 0),
        "/dev/shm": ("tmpfs", ("mode=1777", "size=64m"), SAFE, 0),
        "/dev/mqueue": ("mqueue", (), SAFE, 0),
    }


def test_the_devices_are_the_containers_own() -> None:
    """Six nodes and five links, made and not taken from the image."""
    plan = build_plan(spec(), around())
    assert [step.arguments for step in named(plan, "mknod")] == [
        ("/dev/null", 0o20666, 1, 3),
        ("/dev/zero", 0o20666, 1, 5),
        ("/dev/full", 0o20666, 1, 7),
        ("/dev/random", 0o20666, 1, 8),
        ("/dev/urandom", 0o20666, 1, 9),
        ("/dev/tty", 0o20666, 5, 0),
    ]
    assert {step.arguments for step in named(plan, "symlink")} == {
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"),
    }


def test_a_privileged_one_has_the_kernel_and_the_devices_as_they_are() -> None:
    """Nothing is masked or read-only; of the host's devices those are added that it has not yet."""
    mounts = (("cgroup", ("memory",), "/sys/fs/cgroup/m"), ("cgroup2", (), "/sys/fs/cgroup/u"))
    devices = (
        DeviceNode(path="/dev/null", mode=0o20600, major=9, minor=9),
        DeviceNode(path="/dev/sda", mode=0o60660, major=8, minor=0),
    )
    plan = build_plan(spec(privileged=True), around(cgroup_mounts=mounts, devices=devices))
    assert not named(plan, "mask", "read_only")
    assert not [step for step in named(plan, "mount") if int(str(step.arguments[2])) & RDONLY]
    nodes = {step.arguments[0]: step for step in named(plan, "mknod")}
    assert nodes["/dev/null"].arguments == ("/dev/null", 0o20666, 1, 3)
    assert nodes["/dev/sda"] == Step("mknod", ("/dev/sda", 0o60660, 8, 0), "privileged")
    assert len(nodes) == 7


def test_an_overlay_has_its_own_upper_layer() -> None:
    """What the image lacks shows from the lowest; only one that is kept is written back safely."""
    rootfs = OverlayRootfs(("/top", "/bottom"))
    (step,) = named(build_plan(spec(rootfs=rootfs), around()), "root_overlay")
    lower = ("/top", "/bottom", "/run/skeleton")
    place = "/run/pocker/mountpoint"
    assert step.arguments == (lower, "/var/upper", "/var/work", 1, place)
    rootfs = OverlayRootfs(("/top", "/bottom"), keep="web")
    (step,) = named(build_plan(spec(rootfs=rootfs), around()), "root_overlay")
    assert step.arguments[3] == 0


def test_in_a_user_namespace_overlay_has_other_marks() -> None:
    """Where nobody may read those that need rights, the flag for the others is set."""
    layers = Layers(upper="/var/upper", work="/var/work", skeleton="/s", user_xattrs=True)
    plan = build_plan(spec(rootfs=OverlayRootfs(("/top",))), around(layers=layers))
    (step,) = named(plan, "root_overlay")
    assert step.arguments[3] == 1 | 2


def test_a_directory_is_used_as_it_is() -> None:
    """Neither layers nor generated files: what the container writes stays in it."""
    plan = build_plan(spec(rootfs=DirectoryRootfs("/srv/root")), around())
    assert named(plan, "root_bind", "root_mount", "file") == [
        Step("root_bind", ("/srv/root", "/run/pocker/mountpoint"), "rootfs")
    ]


def test_the_host_root_is_made_of_nothing() -> None:
    """An empty root gets private directories, read-only programs, links and a small /etc."""
    plan = build_plan(spec(rootfs=HostRootfs()), around())
    made = {step.arguments for step in named(plan, "mkdir") if step.origin == "image"}
    assert made == set(PRIVATE_DIRECTORIES.items())
    shown = [step.arguments for step in named(plan, "bind") if step.origin == "image"]
    assert shown == [(path, RDONLY | NODEV, path) for path in HOST.binds]
    assert Step("symlink", ("/bin", "usr/bin"), "image") in plan
    written = {step.arguments[0]: step.arguments[2] for step in named(plan, "file")}
    assert written == GENERATED


def test_volumes_are_bound_as_asked() -> None:
    """A volume may hold devices and programs like any directory; only read_only changes it."""
    volumes = (
        Volume(source="/srv/deep", target="/data/inner"),
        Volume(source="/srv/data", target="/data", read_only=True),
    )
    plan = build_plan(spec(volumes=volumes), around())
    assert [step for step in named(plan, "bind") if step.origin.startswith("volumes")] == [
        Step("bind", ("/srv/data", RDONLY, "/data"), "volumes[1]"),
        Step("bind", ("/srv/deep", 0, "/data/inner"), "volumes[0]"),
    ]


def test_needless_slashes_do_not_change_the_order() -> None:
    """Depth is counted in components, not in characters."""
    volumes = (Volume(source="/in", target="/a/b"), Volume(source="/out", target="//a//"))
    assert targets(build_plan(spec(volumes=volumes), around()), "volumes") == ["//a//", "/a/b"]


def test_a_tmpfs_follows_the_links_of_the_image() -> None:
    """As a volume does: /var/run may be a link to /run; the kernel's own mounts never follow."""
    plan = build_plan(spec(tmpfs=(Tmpfs(target="/run", size=4096, mode=0o700),)), around())
    (step,) = [step for step in named(plan, "mount") if step.origin == "tmpfs[0]"]
    assert step.arguments == ("tmpfs", ("mode=700", "size=4096"), NOSUID | NODEV, 1, "/run")


def test_a_tmpfs_may_hold_nothing_to_execute() -> None:
    """Where that is asked for."""
    plan = build_plan(spec(tmpfs=(Tmpfs(target="/run", noexec=True),)), around())
    (step,) = [step for step in named(plan, "mount") if step.origin == "tmpfs[0]"]
    assert step.arguments[2] == NOSUID | NODEV | NOEXEC


def test_several_cgroup_mounts_lie_in_a_directory_of_their_own() -> None:
    """With one mount it is /sys/fs/cgroup itself, with many that is made, filled, closed."""
    one = build_plan(spec(), around(cgroup_mounts=(("cgroup2", (), "/sys/fs/cgroup"),)))
    (step,) = [s for s in named(one, "mount") if "cgroup" in str(s.arguments[4])]
    assert step.arguments == ("cgroup2", (), SAFE | RDONLY, 0, "/sys/fs/cgroup")
    mounts = tuple(("cgroup", (name,), f"/sys/fs/cgroup/{name}") for name in ("memory", "pids"))
    many = build_plan(spec(), around(cgroup_mounts=mounts))
    assert [s.arguments[4] for s in named(many, "mount") if "cgroup" in str(s.arguments[4])] == [
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/pids",
    ]
    assert Step("read_only", (("/sys/fs/cgroup",),)) in many


def test_only_root_keeps_capabilities() -> None:
    """Both get the bounding set; another user's permitted set would end at exec anyway."""
    wanted = frozenset({0, 5})
    root = build_plan(spec(capabilities=wanted), around())
    user = build_plan(spec(capabilities=wanted), around(identity=USER))
    for plan in (root, user):
        assert named(plan, "bounding_set")[0].arguments == (to_mask(wanted),)
    assert named(root, "capabilities")[0].arguments == (to_mask(wanted),)
    assert named(user, "capabilities")[0].arguments == (0,)
    assert named(user, "groups")[0].arguments == ((100, 200),)
    assert named(user, "ids")[0].arguments == (1000, 50)


def test_resource_limits_have_the_kernels_numbers() -> None:
    """-1 is no limit; RLIMIT_NOFILE is 7 and RLIMIT_CORE is 4."""
    limits = (Ulimit(name="nofile", soft=10, hard=20), Ulimit(name="core", soft=-1, hard=-1))
    plan = build_plan(spec(ulimits=limits), around())
    assert named(plan, "rlimit") == [
        Step("rlimit", (7, 10, 20), "ulimits.nofile"),
        Step("rlimit", (4, 2**64 - 1, 2**64 - 1), "ulimits.core"),
    ]


def test_an_unknown_resource_limit_is_refused() -> None:
    """The message says which entry of the list has the name that does not exist."""
    limits = (Ulimit(name="core", soft=0, hard=0), Ulimit(name="files", soft=1, hard=1))
    with pytest.raises(SpecError) as error:
        build_plan(spec(ulimits=limits), around())
    assert str(error.value) == "ulimits[1]: unknown limit 'files'"


def test_the_environment_is_built_from_empty() -> None:
    """PATH and HOME have defaults, the host name is known, and the user's own values win."""
    (bare,) = named(build_plan(spec(), around(identity=USER)), "exec")
    assert bare.arguments == (("true",), (f"PATH={DEFAULT_PATH}", "HOME=/home/user"))
    changed = spec(hostname="box", environment={"HOME": "/x", "A": "B=C"}, command=("sh", "-c"))
    (full,) = named(build_plan(changed, around()), "exec")
    variables = (f"PATH={DEFAULT_PATH}", "HOME=/x", "HOSTNAME=box", "A=B=C")
    assert full.arguments == (("sh", "-c"), variables)


def test_the_hosts_network_is_left_alone() -> None:
    """Only a network namespace of its own needs its loopback brought up."""
    own = build_plan(spec(), around())
    shared = build_plan(spec(network="host"), around())
    assert named(own, "loopback") == [Step("loopback", (), "network")]
    assert named(shared, "loopback") == []


def test_a_sysctl_becomes_a_path() -> None:
    """Dots become slashes below /proc/sys, and the origin is the user's own word."""
    plan = build_plan(spec(sysctls={"net.ipv4.ip_forward": "1"}), around())
    assert named(plan, "sysctl") == [
        Step("sysctl", ("/proc/sys/net/ipv4/ip_forward", "1"), "sysctls.net.ipv4.ip_forward")
    ]
