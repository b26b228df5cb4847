"""What is on the machine because of the tests, as sets that can be compared.

`observe` names everything a container is made of: mounts, cgroups, processes, namespaces,
network links, files of a default installation, open descriptors. What `left_behind` returns
was not there before and has not gone within the kernel's own time for cleaning up. Another
supervisor at work on the machine at the same time cannot be told from a leak.
"""

from __future__ import annotations

import gc
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

PREFIX = "pocker"
SESSION_VARIABLE = "POCKER_TEST_SESSION"
"""Set by the test session in its own environment, so that its processes can be told."""
DEFAULT_DIRECTORIES = (Path("/run/pocker"), Path("/var/lib/pocker"))
NAMESPACES = ("mnt", "net", "pid")
CLEANUP_SECONDS = 5.0
"""A network namespace, and with it a veth pair, goes in a kernel work queue after its last user."""

Observation = Mapping[str, frozenset[str]]


@frozen(kw_only=True)
class Mount:
    """One line of /proc/self/mountinfo; `device` is the same for all mounts of a file system."""

    number: str
    device: str
    point: Path
    kind: str
    options: tuple[str, ...]


@frozen(kw_only=True)
class Process:
    """One entry of /proc; `start` tells apart two processes that had the same number."""

    pid: int
    parent: int
    start: int
    name: str
    zombie: bool

    def __str__(self) -> str:
        state = "zombie" if self.zombie else "alive"
        return f"{self.pid} ({self.name}), child of {self.parent}, {state}, start {self.start}"

    def link(self, name: str) -> str:
        """Return the target of a link such as ``exe``; nothing if the process does not say."""
        try:
            return os.readlink(f"/proc/{self.pid}/{name}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""

    def text(self, name: str) -> str:
        """Return the contents of a file such as ``cgroup``; nothing if the process has gone."""
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces it is in, named as the kernel does: ``net:[4026531840]``."""
        return frozenset(filter(None, (self.link(f"ns/{kind}") for kind in NAMESPACES)))


def mounts() -> tuple[Mount, ...]:
    """Return all mounts of this process's mount namespace."""
    return tuple(_mount(line) for line in Path("/proc/self/mountinfo").read_text().splitlines())


def cgroup_mounts() -> tuple[Mount, ...]:
    """Return one mount for each cgroup hierarchy."""
    hierarchies = {mount.device: mount for mount in mounts() if mount.kind.startswith("cgroup")}
    return tuple(hierarchies.values())


def observe() -> Observation:
    """Look at everything once."""
    gc.collect()  # what only waits for the collector is not left behind
    everything = all_processes()
    own = everything[os.getpid()]
    own_namespaces = own.namespaces()
    processes = [p for p in everything.values() if _is_of_session(p, own, everything)]
    namespaces = frozenset[str]().union(*(process.namespaces() for process in processes))
    return {
        "mount": frozenset(f"{m.point} ({m.kind}, number {m.number})" for m in mounts()),
        "cgroup": frozenset(_cgroups()),
        "process": frozenset(str(process) for process in processes),
        "namespace": namespaces - own_namespaces,
        "network link": _names(Path("/sys/class/net")),
        "network namespace name": _names(Path("/run/netns")),
        "file": frozenset(_default_files()),
        "descriptor": frozenset(_descriptors()),
    }


def left_behind(before: Observation, patience: float = CLEANUP_SECONDS) -> list[str]:
    """Return what is there now and was not there before, as lines to print."""
    deadline = time.monotonic() + patience
    while True:
        now = observe()
        left = [f"{kind}: {name}" for kind in now for name in sorted(now[kind] - before[kind])]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def _mount(line: str) -> Mount:
    front, _, back = line.partition(" - ")
    number, _, device, _, point = front.split()[:5]
    kind, _, options = back.split(" ", 2)
    return Mount(
        number=number,
        device=device,
        # A blank in a path is written as \040, to keep the columns apart.
        point=Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)),
        kind=kind,
        options=tuple(options.split(",")),
    )


def all_processes() -> dict[int, Process]:
    """Return all processes of the machine by pid."""
    found = {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended since the directory was listed
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        found[pid] = Process(
            pid=pid,
            parent=int(fields[1]),
            start=int(fields[19]),
            name=name,
            zombie=fields[0] == "Z",
        )
    return found


def _is_of_session(process: Process, own: Process, everything: Mapping[int, Process]) -> bool:
    """Tell whether the tests are to blame for a process, whoever its parent is by now."""
    if process.pid == own.pid or process.start < own.start:
        return False
    if process.zombie and process.parent == 1:
        # It is dead, and nothing but a look of PID 1 is missing, which may take seconds to come.
        return False
    ancestor: Process | None = process
    while ancestor is not None:
        if ancestor.parent == own.pid:
            return True
        ancestor = everything.get(ancestor.parent)
    cgroup = process.text("cgroup")
    return (
        f"/{PREFIX}" in cgroup
        or process.link("exe").startswith("/memfd:")
        or f"{SESSION_VARIABLE}={own.pid}\0" in process.text("environ")
        # A job that lost its environment, its init and its cgroup still has its namespaces.
        or (cgroup == own.text("cgroup") and bool(process.namespaces() - own.namespaces()))
    )


def _cgroups() -> Iterator[str]:
    for mount in cgroup_mounts():
        for directory, _, _ in os.walk(mount.point):
            parts = Path(directory).relative_to(mount.point).parts
            if any(part.startswith(PREFIX) for part in parts):
                yield directory


def _names(directory: Path) -> frozenset[str]:
    return frozenset(os.listdir(directory) if directory.exists() else ())


def _default_files() -> Iterator[str]:
    """Name what a default installation holds, but not the contents of its images."""
    for top in filter(Path.exists, DEFAULT_DIRECTORIES):
        yield from map(str, (top, *top.glob("*"), *top.glob("*/*")))


def _descriptors() -> Iterator[str]:
    """Name descriptors by their target, numbered: their own numbers mean nothing."""
    seen: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # the one by which the directory was listed
        seen[target] += 1
        yield f"{target}, number {seen[target]}"
