"""What a privileged container may do, which is what root on the host may."""

from __future__ import annotations

import pytest
from attrs import evolve

from runtime.limits import Limits
from runtime.rootfs.devices import host_devices
from runtime.security.bounding import bounding_set
from runtime.security.capabilities import ALL_CAPABILITIES, to_mask
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

OWN = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}


async def test_it_has_all_that_the_host_has(stage: Stage) -> None:
    """Capabilities, devices and the kernel's files, writable; and it may divide its own group."""
    script = """
        grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status | cut -f2
        mount | grep -E ' (sysfs|proc|cgroup2?) ' | grep -c '[(]ro'
        test -w /proc/sys/kernel/core_pattern && : </dev/kmsg && echo open
        group=$(dirname $(find /sys/fs/cgroup -name cgroup.procs | head -n 1))
        mkdir $group/own && rmdir $group/own && echo divided
        find /dev -xdev -type c; find /dev -xdev -type b
    """
    ended = await stage.run(
        script,
        privileged=True,
        capabilities=ALL_CAPABILITIES,
        all_capabilities=True,
        seccomp=False,
        limits=evolve(Limits(), devices=None),
    )
    granted = f"{to_mask(bounding_set()):016x}"
    assert ended.lines[:6] == [granted, granted, "0", "0", "open", "divided"]
    assert set(ended.lines[6:]) == OWN | {node.path for node in host_devices()}
