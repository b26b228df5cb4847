"""What `pocker info` tells of a machine."""

from __future__ import annotations

from typing import Any

from runtime.security.capabilities import ALL_CAPABILITIES, CAP_SYS_ADMIN
from supervisor.cli.overview import Facts, document, lines, mounts, warnings


def facts(**changes: Any) -> Facts:
    """Those of a machine that lacks nothing, but for `changes`."""
    known: dict[str, Any] = {
        "version": "1.2",
        "kernel": "6.1.0",
        "system": "Debian",
        "architecture": "x86_64",
        "name": "box",
        "cpus": 2,
        "memory": 4 << 30,
        "layout": "v2",
        "controllers": frozenset({"cpu", "cpuset", "io", "memory", "pids"}),
        "counts_swap": True,
        "libseccomp": "2.5.4",
        "overlay": True,
        "filesystem": "ext4",
        "capabilities": ALL_CAPABILITIES,
        "is_root": True,
        "has_other_ids": True,
        "runtime": "/run/pocker",
        "state": "/var/lib/pocker",
        "image_store": "/var/lib/pocker",
        "states": ("running", "paused", "exited", "created", "running"),
        "images": 3,
    }
    return Facts(**known | changes)


def test_containers_are_counted_by_state() -> None:
    """What neither runs nor stands still is stopped."""
    told = document(facts())
    keys = ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images")
    assert [told[key] for key in keys] == [5, 2, 1, 2, 3]
    assert (told["CgroupVersion"], told["Warnings"]) == ("2", [])


def test_people_are_told_the_same() -> None:
    """In Docker's words, and in its form."""
    told = lines(document(facts()))
    assert told[:5] == ["Containers: 5", " Running: 2", " Paused: 1", " Stopped: 2", "Images: 3"]
    assert " Controllers: cpu cpuset io memory pids" in told
    assert "Security Options: seccomp no-new-privileges cgroupns" in told
    assert "Total Memory: 4GiB" in told


def test_what_is_missing_is_told_with_what_follows() -> None:
    """Each by itself; a machine without control groups is not told of each controller."""
    assert warnings(facts(is_root=False)) == ["no root rights: containers cannot be started"]
    assert warnings(facts(has_other_ids=False)) == [
        "no subordinate ids: all files of unpacked images belong to this user"
    ]
    assert warnings(facts(layout="", controllers=frozenset())) == [
        "no control groups are mounted: containers cannot be started"
    ]
    told = warnings(
        facts(
            controllers=frozenset({"memory", "pids", "cpu", "io"}),
            counts_swap=False,
            libseccomp=None,
            overlay=False,
            capabilities=ALL_CAPABILITIES - {CAP_SYS_ADMIN},
        )
    )
    assert told == [
        "no overlay file system in the kernel yet: images may be of no use",
        "no seccomp filter can be had: containers need --security-opt seccomp=unconfined",
        "no CAP_SYS_ADMIN: no container can be given more",
        "no swap accounting: --memory-swap is refused",
        "no cpuset controller: --cpuset-cpus is refused",
    ]


def test_the_last_mount_at_a_place_counts() -> None:
    """It hides the others."""
    text = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /run rw shared:1 - tmpfs x rw\n"
    assert mounts(text + "3 2 0:6 / /run rw - ramfs x rw\n") == {"/": "ext4", "/run": "ramfs"}
