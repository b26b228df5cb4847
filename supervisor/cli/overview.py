"""What `pocker info` tells, with Docker's names where Docker has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from runtime.security.capabilities import ALL_CAPABILITIES, names
from runtime.units import format_size

_CONTROLLERS: Mapping[str, str] = {
    "memory": "memory is neither limited nor counted, and OOMKilled cannot be told",
    "pids": "the number of processes is not limited",
    "cpu": "--cpus and --cpu-shares are refused",
    "cpuset": "--cpuset-cpus is refused",
    "io": "io is refused",
}
"""The controllers that limits need, and what a machine without them does not have."""
_LABELS = (
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Version", "ServerVersion"),
    ("Storage Driver", "Driver"),
    (" Backing Filesystem", "BackingFilesystem"),
    ("Logging Driver", "LoggingDriver"),
    ("Cgroup Version", "CgroupVersion"),
    (" Layout", "CgroupLayout"),
    (" Controllers", "CgroupControllers"),
    ("Security Options", "SecurityOptions"),
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
    ("Total Memory", "MemTotal"),
    ("Name", "Name"),
    ("Runtime Dir", "RuntimeDir"),
    ("State Dir", "DockerRootDir"),
    ("Image Store", "ImageStore"),
)


@frozen(kw_only=True)
class Facts:
    """What was found out about the program and the machine."""

    version: str
    kernel: str
    system: str
    architecture: str
    name: str
    cpus: int
    memory: int
    layout: str
    """Of the control groups; empty where there are none."""
    controllers: frozenset[str]
    counts_swap: bool
    libseccomp: str | None
    """Its version; None where no filter can be had."""
    overlay: bool
    """Whether the kernel has the file system that containers stand on."""
    filesystem: str
    """What the state directory lies on."""
    capabilities: frozenset[int]
    is_root: bool
    has_other_ids: bool
    """Whether files of this user's images can have other owners."""
    runtime: str
    state: str
    image_store: str
    states: Sequence[str]
    """Of the containers, in Docker's words."""
    images: int


def document(facts: Facts) -> dict[str, Any]:
    """All of it, for programs and templates."""
    running, paused = facts.states.count("running"), facts.states.count("paused")
    return {
        "Name": facts.name,
        "ServerVersion": facts.version,
        "Containers": len(facts.states),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(facts.states) - running - paused,
        "Images": facts.images,
        "Driver": "overlay",
        "BackingFilesystem": facts.filesystem,
        "LoggingDriver": "file",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": {"": "", "v2": "2"}.get(facts.layout, "1"),
        "CgroupLayout": facts.layout,
        "CgroupControllers": sorted(facts.controllers),
        "SecurityOptions": _security(facts),
        "KernelVersion": facts.kernel,
        "OperatingSystem": facts.system,
        "OSType": "linux",
        "Architecture": facts.architecture,
        "NCPU": facts.cpus,
        "MemTotal": facts.memory,
        "RuntimeDir": facts.runtime,
        "DockerRootDir": facts.state,
        "ImageStore": facts.image_store,
        "Warnings": warnings(facts),
    }


def _security(facts: Facts) -> list[str]:
    seccomp = [] if facts.libseccomp is None else ["name=seccomp,profile=builtin"]
    return [*seccomp, "name=no-new-privileges", "name=cgroupns"]


def lines(told: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    return [f"{label}: {_text(key, told[key])}" for label, key in _LABELS]


def _text(key: str, value: object) -> str:
    if key == "SecurityOptions" and isinstance(value, list):
        return " ".join(each.removeprefix("name=").partition(",")[0] for each in value)
    if key == "MemTotal" and isinstance(value, int):
        return format_size(value)
    return " ".join(value) if isinstance(value, list) else str(value)


def mounts(mountinfo: str) -> dict[str, str]:
    """What kind of file system is at each mount point; the last one mounted there counts."""
    found = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        found[before.split(" ")[4]] = after.partition(" ")[0]
    return found


def warnings(facts: Facts) -> list[str]:
    """What this machine, or this user, lacks, and what follows from that."""
    missing = names(ALL_CAPABILITIES - facts.capabilities)
    found = {
        "no root rights: containers cannot be started": not facts.is_root,
        "no subordinate ids: all files of unpacked images belong to this user": (
            not facts.has_other_ids
        ),
        "no control groups are mounted: containers cannot be started": not facts.layout,
        "no overlay file system in the kernel yet: images may be of no use": not facts.overlay,
        "no seccomp filter can be had: containers need --security-opt seccomp=unconfined": (
            facts.libseccomp is None
        ),
        f"no {', '.join(missing)}: no container can be given more": facts.is_root and missing,
        "no swap accounting: --memory-swap is refused": (
            "memory" in facts.controllers and not facts.counts_swap
        ),
    }
    absent = [
        f"no {controller} controller: {what}"
        for controller, what in _CONTROLLERS.items()
        if facts.layout and controller not in facts.controllers
    ]
    return [*(text for text, holds in found.items() if holds), *absent]
