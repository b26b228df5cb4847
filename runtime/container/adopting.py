"""What a container is found by that another supervisor has made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from runtime.cgroups import Cgroup
from runtime.directories import ContainerDirectory
from runtime.process import Process, namespace_pid


def recorded_paths(directory: ContainerDirectory) -> Mapping[str, str] | None:
    """Where the cgroups are, None if their supervisor was killed before it had written it."""
    try:
        paths = json.loads(Path(directory.cgroups).read_text())
    except (FileNotFoundError, ValueError):
        return None
    assert isinstance(paths, dict)
    return paths


def left_with_init(directory: ContainerDirectory) -> bool | None:
    """Whether PID 1 of a container that its user has left is `init`; None for all others."""
    try:
        return bool(json.loads(Path(directory.left).read_text())["init"])
    except FileNotFoundError:
        return None


def process_numbered(number: int, cgroup: Cgroup) -> Process | None:
    """The process with this pid in the container of `cgroup`, held; None if it has ended."""
    for pid in cgroup.members():
        process = Process.adopt(pid)
        if process is None:
            continue
        try:
            # Asked after the pidfd was opened: the answer is about the process that it holds.
            if namespace_pid(pid) == number and pid in cgroup.members():
                return process
        except (FileNotFoundError, ProcessLookupError):
            pass  # ended meanwhile
        process.close()
    return None
