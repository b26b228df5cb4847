"""Row 15: cgroups cannot be escaped."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runtime.cgroups import Cgroups
from runtime.errors import CgroupError
from runtime.limits import DEFAULT_DEVICES, DeviceRule, Limits
from tests.integration.container.stage import Stage, end_of, read_line

pytestmark = pytest.mark.root

KMSG = (1, 11)


async def test_a_container_sees_its_own_groups_as_roots(stage: Stage) -> None:
    """Neither where they lie on the host, nor those of anybody else."""
    script = "cut -d: -f3 /proc/self/cgroup | sort -u; ls -R /sys/fs/cgroup | grep -c pocker"
    ended = await stage.run(script)
    lines = ended.stdout.decode().split()
    assert lines[-1] == "0"
    # A hierarchy that the container has no group in is shared with the supervisor.
    assert lines[0] == "/"


async def test_nothing_can_be_written_there(stage: Stage) -> None:
    """Every file and directory is read-only, with or without the filter."""
    script = """
        find /sys/fs/cgroup -type f | while read file; do
            probe open $file w
        done | sort -u
        find /sys/fs/cgroup -type d | while read place; do
            mkdir $place/new 2>&1 | sed 's/.*: //'
        done | sort -u
    """
    for seccomp in (True, False):
        ended = await stage.run(script, seccomp=seccomp)
        assert set(ended.stdout.decode().splitlines()) <= {
            "EROFS",
            "EACCES",
            "Read-only file system",
        }
        assert b"Read-only file system" in ended.stdout


@pytest.mark.parametrize("seccomp", [True, False])
async def test_no_hierarchy_can_be_mounted(stage: Stage, seccomp: bool) -> None:
    """Old or new, and neither can the one at hand be made writable."""
    for kind in ("cgroup", "cgroup2"):
        ended = await stage.run("probe", "mount", kind, "/tmp", seccomp=seccomp)
        assert ended.text == "EPERM\n"
    script = (
        "cut -d' ' -f2 /proc/mounts | grep ^/sys | while read place; do probe remount $place; done"
    )
    ended = await stage.run(f"{script} | sort -u", seccomp=seccomp)
    assert ended.text == "EPERM\n"


@pytest.mark.controller("memory", "pids", "cpu")
async def test_limits_are_as_asked(stage: Stage) -> None:
    """Read back from the host's side, in whichever hierarchy they are."""
    limits = Limits(memory=64 << 20, memory_swap=64 << 20, cpus=0.5, pids=77)
    async with stage.started("sleep", "1000", limits=limits) as container:
        found: dict[str, str] = {}
        for path in container.cgroup.paths.values():
            for file in Path(path).iterdir():
                if file.name in {
                    *("memory.limit_in_bytes", "memory.max", "pids.max", "cpu.max"),
                    *("cpu.cfs_quota_us", "memory.memsw.limit_in_bytes", "memory.swap.max"),
                }:
                    found[file.name] = file.read_text().strip()
        assert found["pids.max"] == "77"
        assert str(64 << 20) in (found.get("memory.limit_in_bytes"), found.get("memory.max"))
        assert found.get("memory.memsw.limit_in_bytes", str(64 << 20)) == str(64 << 20)
        assert found.get("memory.swap.max", "0") == "0"
        assert "50000" in found.get("cpu.cfs_quota_us", found.get("cpu.max", ""))


async def test_an_undeclared_device_cannot_be_used(stage: Stage, image: Path) -> None:
    """Nodes of an image open nothing that was not allowed: neither memory nor disks."""
    os.mknod(image / "kmsg", stat.S_IFCHR | 0o666, os.makedev(*KMSG))
    os.mknod(image / "mem", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    os.mknod(image / "loop", stat.S_IFBLK | 0o666, os.makedev(7, 0))
    os.mknod(image / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for seccomp in (True, False):
        for name in ("kmsg", "mem", "loop"):
            for mode in ("r", "w"):
                ended = await stage.run("probe", "open", f"/{name}", mode, seccomp=seccomp)
                assert ended.text == "EPERM\n"
        assert (await stage.run("probe", "open", "/null", "rw", seccomp=seccomp)).text == "ok\n"


async def test_a_declared_device_can_be_used_as_declared(stage: Stage, image: Path) -> None:
    """For what was allowed, and for nothing more."""
    os.mknod(image / "kmsg", stat.S_IFCHR | 0o666, os.makedev(*KMSG))
    rule = DeviceRule(kind="c", major=KMSG[0], minor=KMSG[1], access="w")
    limits = Limits(devices=(*DEFAULT_DEVICES, rule))
    assert (await stage.run("probe", "open", "/kmsg", "w", limits=limits)).text == "ok\n"
    assert (await stage.run("probe", "open", "/kmsg", "r", limits=limits)).text == "EPERM\n"


async def test_no_process_leaves_its_group(stage: Stage) -> None:
    """New sessions, orphans and deep families all stay members, and die with the container."""
    family = "(echo started; exec sleep 1000) & exec sleep 1000"
    script = f"for i in 1 2 3; do (setsid sh -c '{family}' &); done; echo started; exec sleep 1000"
    async with stage.started(script) as container:
        for _ in range(4):  # the last one once no shell between is left
            assert await read_line(container.stdout) == "started"
        assert len(container.cgroup.members()) == 8
        container.kill()
        await end_of(container)
        assert container.cgroup.members() == []


def is_pure_v2() -> bool:
    """Whether a container may have groups of its own here."""
    return Cgroups.open().layout.kind == "v2"


async def test_groups_of_its_own_are_refused_beside_v1(stage: Stage) -> None:
    """There a writable group has a release_agent, which the host would run."""
    if is_pure_v2():
        assert (await stage.run("true", cgroup="private-rw")).exit.code == 0
        return
    with pytest.raises(CgroupError, match=r"^cgroup: groups of its own need pure cgroup v2, and"):
        await stage.run("true", cgroup="private-rw")


@pytest.mark.controller("memory", "pids")
async def test_groups_of_its_own_stay_within_the_limits(stage: Stage) -> None:
    """It divides what it has, its own limits are out of its sight, and nothing of it is left."""
    if not is_pure_v2():
        return  # refused, as shown above
    script = """
        cd /sys/fs/cgroup
        mkdir here || exit 3
        for pid in $(cat cgroup.procs); do echo $pid > here/cgroup.procs; done
        echo '+memory +pids' > cgroup.subtree_control || exit 4
        mkdir -p nested/deep && echo 5 > nested/pids.max && cat nested/pids.max
        echo threaded > nested/deep/cgroup.type && cat nested/deep/cgroup.type nested/cgroup.type
        cut -d: -f3 /proc/self/cgroup
        probe mount cgroup2 /tmp
    """
    limits = Limits(memory=64 << 20, pids=77)
    async with stage.started(script, cgroup="private-rw", limits=limits) as container:
        (path,) = container.cgroup.paths.values()
        ended = await end_of(container)
        assert Path(path, "pids.max").read_text() == "77\n"
        assert Path(path, "memory.max").read_text() == f"{64 << 20}\n"
    told = ["5", "threaded", "domain threaded", "/here", "EPERM"]
    assert ended.stdout.decode().splitlines() == told, ended
    assert not Path(path).exists()


@pytest.mark.controller("memory", "pids")
async def test_a_user_s_groups_are_its_own(stage: Stage) -> None:
    """One who is not root may make groups, and not change what it was given."""
    if not is_pure_v2():
        return  # refused, as shown above
    script = """
        mkdir /sys/fs/cgroup/mine && echo made
        (echo 9 > /sys/fs/cgroup/pids.max) 2>/dev/null || echo refused
    """
    ended = await stage.run(script, cgroup="private-rw", user="1000:1000")
    assert ended.text == "made\nrefused\n"
