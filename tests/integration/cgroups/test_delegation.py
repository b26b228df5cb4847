"""A supervisor that was given a cgroup of its own stays inside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups import Cgroups

pytestmark = pytest.mark.root

PROGRAM = """
import json, pathlib, sys
from runtime.cgroups import Cgroups
from runtime.limits import Limits
cgroups = Cgroups.open(parent="jobs")
places = []
for name in ("one", "two"):
    group = cgroups.create(name, Limits())
    places.append(group.paths["unified"])
    group.remove()
cgroups.remove_parent_if_empty()
again = Cgroups.open(parent="jobs").create("three", Limits())
places.append(again.paths["unified"])
again.remove()
cgroups.remove_parent_if_empty()
print(json.dumps([places, pathlib.Path("/proc/self/cgroup").read_text()]))
"""


@pytest.fixture
def service() -> Iterator[Path]:
    """A v2 group such as systemd makes for a service."""
    v2 = Cgroups.open().layout.v2
    if v2 is None:
        pytest.skip("needs cgroup v2")
    made = Path(v2.mount_point, f"pockertest{os.getpid()}.service")
    made.mkdir()
    yield made
    for path in (made / "jobs", made / "supervisor", made):
        if path.exists():
            path.rmdir()


def run_inside(service: Path) -> tuple[list[str], list[str]]:
    """Places of the groups that a supervisor in `service` makes, and where it is then."""
    enter = f'echo 0 > {service}/cgroup.procs; exec "$@"'
    run = subprocess.run(
        ["/bin/sh", "-c", enter, "enter", sys.executable, "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
    )
    places, own = json.loads(run.stdout)
    return places, [line[3:] for line in own.splitlines() if line.startswith("0::")]


def test_a_delegated_group_is_used(service: Path) -> None:
    """Groups are made inside; to use controllers, the supervisor moves into a leaf."""
    os.setxattr(service, "user.delegate", b"1")
    control = service.parent / "cgroup.subtree_control"
    before = set(control.read_text().split())
    offered = {"memory", "pids"} & set((service.parent / "cgroup.controllers").read_text().split())
    control.write_text(" ".join(f"+{name}" for name in offered))
    places, own = run_inside(service)
    assert places == [f"{service}/jobs/{name}" for name in ("one", "two", "three")]
    assert own == [f"/{service.name}/supervisor" if offered else f"/{service.name}"]
    for place in (service / "cgroup.subtree_control", control):
        place.write_text(" ".join(f"-{name}" for name in offered - before))


def test_a_group_that_is_not_delegated_is_left_alone(service: Path) -> None:
    """Without the mark, groups go below the root of the hierarchy."""
    places, own = run_inside(service)
    assert places == [f"{service.parent}/jobs/{name}" for name in ("one", "two", "three")]
    assert own == [f"/{service.name}"]
