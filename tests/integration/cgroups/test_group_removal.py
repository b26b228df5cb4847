"""Nothing of a group is left, whatever it contains and whatever failed on the way."""

from __future__ import annotations

import errno
import os

import pytest
import trio

from runtime.cgroups import CgroupGone
from runtime.cgroups.directory import Directory
from runtime.errors import CgroupError
from runtime.limits import Limits
from tests.integration.cgroups.conftest import V1, Backend, Spawn

pytestmark = pytest.mark.root


@pytest.mark.parametrize("kind", ["detected", V1])
def test_groups_that_a_job_made_go_with_it(backend: Backend, kind: str) -> None:
    """A tree of groups below the container's is removed in every hierarchy."""
    cgroups = backend(kind)
    group = cgroups.create("job", Limits())
    for path in group.paths.values():
        os.makedirs(f"{path}/a/b/c")
        os.makedirs(f"{path}/a/d")
    group.remove()
    group.remove()
    assert cgroups.existing() == []


async def test_members_of_nested_groups_are_killed(backend: Backend, spawn: Spawn) -> None:
    """Deleting reaches processes that moved into a group below."""
    group = backend("detected").create("job", Limits())
    for path in group.paths.values():
        os.mkdir(f"{path}/nested")
    enter = "".join(f"echo 0 > {path}/nested/cgroup.procs; " for path in group.paths.values())
    process = spawn(group, "/bin/sh", "-c", f"{enter} echo moved; exec /bin/cat")
    assert process.stdout is not None
    assert process.stdout.readline() == "moved\n"
    assert group.members() == [process.pid]
    with trio.fail_after(10):
        await group.delete()
    assert process.wait() == -9


def test_a_group_with_processes_is_not_removed(backend: Backend, spawn: Spawn) -> None:
    """Removal without a kill fails and names who is still there."""
    group = backend("detected").create("job", Limits())
    process = spawn(group, "/bin/cat")
    with pytest.raises(CgroupError, match=f"processes are still in it: {process.pid}$"):
        group.remove()
    process.communicate()
    group.remove()


def test_the_parents_go_only_when_empty(backend: Backend) -> None:
    """A container keeps the project's groups in place; without one they go."""
    cgroups = backend("detected")
    group = cgroups.create("job", Limits())
    cgroups.remove_parent_if_empty()
    assert cgroups.existing() == ["job"]
    parents = [os.path.dirname(path) for path in group.paths.values()]
    group.remove()
    cgroups.remove_parent_if_empty()
    assert [parent for parent in parents if os.path.exists(parent)] == []


FAULTS = range(1, 40)


@pytest.mark.parametrize("kind", ["detected", V1, "v2"])
def test_a_fault_at_any_open_leaves_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whichever open of a cgroup file fails, no directory stays and the error is ours."""
    cgroups = backend(kind)
    limits = Limits(pids=None) if kind == "v2" else Limits(memory=64 << 20)
    open_file = Directory.open
    failures = 0
    for number in FAULTS:
        count = 0

        def failing(self: Directory, file: str, flags: int, number: int = number) -> int:
            nonlocal count
            count += 1
            if count == number:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return open_file(self, file, flags)

        with monkeypatch.context() as patched:
            patched.setattr(Directory, "open", failing)
            try:
                cgroups.create("job", limits).remove()
            except (CgroupError, OSError) as error:
                failures += 1
                assert isinstance(error, CgroupError), f"open {number}: {error!r}"
                assert "input/output error" in str(error)
        assert cgroups.existing() == []
    assert 0 < failures < len(FAULTS)


def test_a_group_made_in_part_is_found(backend: Backend) -> None:
    """What a killed supervisor had made of a group is listed and can be removed."""
    cgroups = backend("detected")
    group = cgroups.create("job", Limits())
    group.close_launch_fds()
    *gone, last = group.paths.values()
    for path in gone:
        os.rmdir(path)
    assert cgroups.existing() == ["job"]
    rest = cgroups.open_existing("job")
    assert list(rest.paths.values()) == [last]
    assert rest.members() == []
    rest.remove()
    assert cgroups.existing() == []


def test_a_group_that_never_was(backend: Backend) -> None:
    """Opening what is in no hierarchy is an error of its own kind."""
    with pytest.raises(CgroupGone, match="open cgroup job: it is in none of the hierarchies"):
        backend("detected").open_existing("job")
