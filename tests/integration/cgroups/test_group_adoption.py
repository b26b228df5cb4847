"""A supervisor takes over the groups of an earlier one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from attrs import evolve

from runtime.cgroups import Cgroups, Layout
from runtime.errors import CgroupError
from runtime.limits import Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = pytest.mark.root


@pytest.mark.parametrize("kind", ["detected", V1, "v2"])
async def test_an_adopted_group_is_whole(backend: Backend, spawn: Spawn, kind: str) -> None:
    """Another manager finds the group by name and can count, kill and remove it."""
    group = backend(kind).create("job", Limits(pids=None))
    process = spawn(group, "/bin/cat")
    other = backend(kind)
    assert other.existing() == ["job"]
    adopted = other.open_existing("job")
    assert adopted.paths == group.paths
    assert adopted.members() == [process.pid]
    assert adopted.usage().cpu_seconds >= 0
    group.close_launch_fds()
    with trio.fail_after(10):
        await adopted.delete()
    assert process.wait() == -9


@pytest.mark.controller("memory", "pids")
async def test_adoption_from_another_place(backend: Backend, spawn: Spawn) -> None:
    """A supervisor that runs in another group itself finds its containers by their paths."""
    earlier = backend("detected")
    group = earlier.create("job", Limits())
    process = spawn(group, "/bin/cat")
    group.close_launch_fds()
    places = [Path(path).parent for path in group.paths.values()]
    elsewhere = _moved(earlier.layout, f"/pockertest{os.getpid()}other")
    later = Cgroups(elsewhere, parent=places[0].name)
    assert later.existing() == []
    adopted = later.open_existing("job", group.paths)
    assert adopted.paths == group.paths
    assert later.existing() == ["job"]
    assert adopted.members() == [process.pid]
    with trio.fail_after(10):
        await adopted.delete()
    assert process.wait() == -9
    later.remove_parent_if_empty()
    assert [place for place in places if place.exists()] == []
    later.close()


def _moved(layout: Layout, own: str) -> Layout:
    """The same machine as seen from another group, which need not exist."""
    return Layout(
        v1=tuple(evolve(one, own=own) for one in layout.v1),
        v2=None if layout.v2 is None else evolve(layout.v2, mount_point="/nowhere", own=own),
    )


def test_recorded_paths_have_to_be_those_of_the_group(backend: Backend) -> None:
    """A damaged record cannot make us remove a group of somebody else."""
    with pytest.raises(CgroupError, match="/sys/fs/cgroup is not one of its directories"):
        backend("detected").open_existing("job", {"memory": "/sys/fs/cgroup"})
