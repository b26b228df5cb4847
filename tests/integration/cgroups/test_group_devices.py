"""Device access is what the list says, on each backend, seen from inside the group."""

from __future__ import annotations

import errno
import os

import pytest

from runtime.cgroups import Cgroups
from runtime.cgroups.directory import Directory
from runtime.errors import CgroupError
from runtime.limits import DEFAULT_DEVICES, DeviceRule, Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = pytest.mark.root

every_backend = pytest.mark.parametrize("kind", ["detected", V1, "v2"])
PROBE = 'true < /dev/null && echo null; true < /dev/kmsg && echo kmsg; echo > "$0" && echo wrote'


def seen(cgroups: Cgroups, spawn: Spawn, devices: tuple[DeviceRule, ...] | None) -> list[str]:
    """What a process in a group with this list can open."""
    group = cgroups.create("job", Limits(pids=None, devices=devices))
    process = spawn(group, "/bin/sh", "-c", PROBE, "/dev/zero")
    out, _ = process.communicate()
    group.remove()
    return out.split()


@every_backend
def test_the_default_list(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Harmless devices open, the kernel's log does not."""
    assert seen(backend(kind), spawn, DEFAULT_DEVICES) == ["null", "wrote"]


@every_backend
def test_access_is_part_of_the_rule(backend: Backend, spawn: Spawn, kind: str) -> None:
    """A device allowed for reading cannot be written."""
    rules = (
        DeviceRule(kind="c", major=1, minor=3, access="rwm"),
        DeviceRule(kind="c", major=1, minor=5, access="r"),
        DeviceRule(kind="c", major=1, minor=11, access="r"),
    )
    assert seen(backend(kind), spawn, rules) == ["null", "kmsg"]


@every_backend
def test_no_list_allows_everything(backend: Backend, spawn: Spawn, kind: str) -> None:
    """None skips the devices controller."""
    assert seen(backend(kind), spawn, None) == ["null", "kmsg", "wrote"]


@every_backend
def test_devices_cannot_be_made(backend: Backend, spawn: Spawn, kind: str) -> None:
    """A node for a device outside of the list is refused inside the group."""
    group = backend(kind).create("job", Limits(pids=None))
    node = f"/tmp/pockertest-node-{os.getpid()}"
    process = spawn(group, "/bin/mknod", node, "c", "1", "1")
    process.communicate()
    assert process.returncode != 0
    assert not os.path.exists(node)
    group.remove()


def refused(*_: object) -> int:
    """A bpf(2) that is not allowed, as in many containers."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.controller("devices")
@pytest.mark.v1
def test_v1_keeps_the_list_where_filters_are_refused(
    backend: Backend, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a hybrid machine the devices controller stands in for a filter that may not be loaded."""
    monkeypatch.setattr("runtime.cgroups.deviceprograms.bpf", refused)
    cgroups = backend("detected")
    assert seen(cgroups, spawn, DEFAULT_DEVICES) == ["null", "wrote"]
    group = cgroups.create("job", Limits())
    assert "devices" in group.paths
    group.remove()


def test_without_any_means_nothing_is_started(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If neither a filter nor v1 can keep the list, there is an error and no group."""
    monkeypatch.setattr("runtime.cgroups.deviceprograms.bpf", refused)
    cgroups = backend("v2")
    with pytest.raises(CgroupError, match=r"^devices: load the filter: operation not permitted"):
        cgroups.create("job", Limits(pids=None))
    assert cgroups.existing() == []


def test_loaded_filters_are_shared_and_bounded(backend: Backend) -> None:
    """Equal lists load one program; many different ones do not pile up descriptors."""
    cgroups = backend("v2")
    before = len(os.listdir("/proc/self/fd"))
    for minor in (*range(40), 39, 39):
        rules = (DeviceRule(kind="c", major=1, minor=minor),)
        cgroups.create("job", Limits(pids=None, devices=rules)).remove()
    assert len(os.listdir("/proc/self/fd")) - before < 20


@pytest.mark.v1
def test_a_list_that_v1_did_not_take_leaves_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is read back; where it says more than was asked for, there is no group."""
    cgroups = backend("v1")
    read = Directory.read

    def lenient(directory: Directory, file: str) -> str:
        return "a *:* rwm\n" if file == "devices.list" else read(directory, file)

    monkeypatch.setattr(Directory, "read", lenient)
    with pytest.raises(CgroupError, match=r"^devices: .*/devices.list reads \['a \*:\* rwm'\]"):
        cgroups.create("job", Limits())
    assert cgroups.existing() == []
