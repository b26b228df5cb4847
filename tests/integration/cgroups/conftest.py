"""Real groups for the tests of the cgroup backends, and processes to put into them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from runtime.cgroups import Cgroup, Cgroups, Layout

ENTER = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'
"""A shell that attaches itself through each file before ``--`` and then runs the rest."""

V1 = pytest.param("v1", marks=pytest.mark.v1)
"""What `backend` is asked for where a test goes through several kinds."""

Spawn = Callable[..., "subprocess.Popen[str]"]
Backend = Callable[[str], Cgroups]


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Open the groups of this machine as they are, or as if it had only ``v1`` or ``v2``."""
    opened: list[Cgroups] = []
    parent = f"pockertest{os.getpid()}"
    layout = Cgroups.open(parent=parent).layout

    def open_as(kind: str) -> Cgroups:
        if kind == "v1":
            chosen = Layout(v1=layout.v1)
        elif kind == "v2":
            if layout.v2 is None:
                pytest.skip("needs cgroup v2")
            chosen = Layout(v2=layout.v2)
        else:
            chosen = layout
        opened.append(Cgroups(chosen, parent=parent))
        return opened[-1]

    before = len(os.listdir("/proc/self/fd"))
    yield open_as
    left = [_cleared(cgroups) for cgroups in opened]
    assert [name for names in left for name in names] == []
    assert len(os.listdir("/proc/self/fd")) == before


def _cleared(cgroups: Cgroups) -> list[str]:
    """Take away all that a test left and say what that was."""
    names = cgroups.existing()
    for name in names:
        group = cgroups.open_existing(name)
        group.kill()
        group.remove()
    cgroups.remove_parent_if_empty()
    cgroups.close()
    return names


@pytest.fixture
def spawn(backend: Backend) -> Iterator[Spawn]:
    """Start a program inside a group; it has entered all hierarchies when this returns."""
    running: list[tuple[Cgroup, subprocess.Popen[str]]] = []

    def start(group: Cgroup, *command: str) -> subprocess.Popen[str]:
        files = [
            f"{path}/{'cgroup.procs' if label == 'unified' else 'tasks'}"
            for label, path in group.paths.items()
        ]
        process = subprocess.Popen(
            ["/bin/sh", "-c", ENTER, "enter", *files, "--", "/bin/sh", "-c", "echo in; exec \"$@\"",
             "run", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        running.append((group, process))
        assert process.stdout is not None
        # Unbuffered: what a buffered reader takes beyond the line is lost to communicate().
        assert os.read(process.stdout.fileno(), 3) == b"in\n"
        return process

    yield start
    for group, process in running:
        if {"freezer", "unified"} & group.paths.keys():
            # After a failure it may be frozen, and would not die.
            group.thaw()
        process.kill()
        process.communicate()
