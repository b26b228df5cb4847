"""The v2 backend against a directory tree that stands in for the kernel's."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups import Cgroup, Cgroups, Hierarchy, Layout
from runtime.cgroups.directory import Directory
from runtime.errors import CgroupError
from runtime.limits import Limits

GROUP_FILES = [
    *("cgroup.controllers", "cgroup.events", "cgroup.kill", "cgroup.procs"),
    "cgroup.max.descendants",
    *("cgroup.subtree_control", "cpu.max", "cpu.weight", "cpuset.cpus", "io.max", "io.weight"),
    *("memory.low", "memory.max", "memory.swap.max", "pids.max"),
]
MEGABYTE = 1 << 20
UNRESTRICTED = Limits(devices=None, pids=None)
MAKE = os.mkdir


class Tree:
    """A v2 mount in a temporary directory; making a directory fills it with files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened: list[Cgroups] = []
        self.root.mkdir()
        self.fill(root)
        (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
        (root / "cgroup.events").unlink()

    def fill(self, directory: Path) -> None:
        for name in GROUP_FILES:
            (directory / name).touch()

    def cgroups(self, own: str = "") -> Cgroups:
        self.opened.append(Cgroups(Layout(v2=Hierarchy(mount_point=str(self.root), own=own))))
        return self.opened[-1]

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    """A tree in which making and removing groups works as in the kernel's."""
    made = Tree(tmp_path / "cgroup")

    def mkdir(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        full = path if dir_fd is None else f"{os.readlink(f'/proc/self/fd/{dir_fd}')}/{path}"
        MAKE(full, mode)
        made.fill(Path(full))

    def rmdir(directory: Directory) -> None:
        if directory.children():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        shutil.rmtree(directory.path)

    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.setattr(Directory, "_rmdir", rmdir)
    yield made
    for cgroups in made.opened:
        cgroups.close()


def test_limits_land_in_their_files(tree: Tree) -> None:
    """Every kind of limit is written to the file of its controller."""
    limits = Limits(
        memory=MEGABYTE, memory_reservation=MEGABYTE, cpus=1.5, cpu_weight=10, pids=5, devices=None
    )
    tree.cgroups().create("job", limits).close_launch_fds()
    expected = {
        "memory.max": "1048576",
        "memory.swap.max": "1048576",
        "memory.low": "1048576",
        "cpu.max": "150000 100000",
        "cpu.weight": "10",
        "pids.max": "5",
        "io.max": "",
    }
    assert {name: tree.text(f"pocker/job/{name}") for name in expected} == expected


def test_controllers_are_enabled_down_the_path_as_needed(tree: Tree) -> None:
    """Only what a container uses is enabled, in the base and in the project's group."""
    cgroups = tree.cgroups()
    cgroups.create("plain", UNRESTRICTED).close_launch_fds()
    for place in ("", "pocker/"):
        assert tree.text(f"{place}cgroup.subtree_control") == "+memory +pids"
    cgroups.create("limited", Limits(cpus=1, devices=None)).close_launch_fds()
    for place in ("", "pocker/"):
        assert "+cpu" in tree.text(f"{place}cgroup.subtree_control")
    assert tree.text("pocker/plain/cgroup.subtree_control") == ""


def test_groups_made_before_a_controller_came_stay_usable(tree: Tree) -> None:
    """Enabling another controller opens the parent anew, which earlier groups survive."""
    cgroups = tree.cgroups()
    first = cgroups.create("first", UNRESTRICTED)
    cgroups.create("second", Limits(cpus=1, devices=None)).close_launch_fds()
    (tree.root / "pocker/first/cgroup.procs").write_text("17\n")
    assert first.members() == [17]
    first.remove()
    assert cgroups.existing() == ["second"]


def test_what_is_enabled_already_is_not_written_again(tree: Tree) -> None:
    """An enabled controller is left alone."""
    (tree.root / "cgroup.subtree_control").write_text("cpu memory pids")
    tree.cgroups().create("job", UNRESTRICTED).close_launch_fds()
    assert tree.text("cgroup.subtree_control") == "cpu memory pids"


def test_a_controller_that_the_kernel_lacks_is_named(tree: Tree) -> None:
    """A limit without its controller fails before anything is made."""
    (tree.root / "cgroup.controllers").write_text("cpu pids\n")
    with pytest.raises(CgroupError, match=r"^memory: the memory controller is neither"):
        tree.cgroups().create("job", Limits(memory=MEGABYTE))
    assert not (tree.root / "pocker").exists()


def test_a_limit_that_was_not_taken_leaves_nothing(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the kernel shows another value than the one written, the group is removed again."""
    monkeypatch.setattr(os, "pread", lambda *_: b"4096\n")
    with pytest.raises(CgroupError, match=r"^memory: wrote 1048576 to .* but it reads '4096'"):
        tree.cgroups().create("job", Limits(memory=MEGABYTE, devices=None))
    assert tree.cgroups().existing() == []


def test_a_cpuset_that_is_not_in_force_is_an_error(tree: Tree) -> None:
    """v2 echoes processors that do not exist; the effective list tells."""
    cgroups = tree.cgroups()
    GROUP_FILES.append("cpuset.cpus.effective")
    try:
        with pytest.raises(CgroupError, match=r"^cpuset: wrote 0-99 .* cpuset.cpus.effective"):
            cgroups.create("job", Limits(cpuset="0-99", devices=None))
    finally:
        GROUP_FILES.remove("cpuset.cpus.effective")
    assert cgroups.existing() == []


def test_the_io_weight_of_the_cost_model(tree: Tree) -> None:
    """Without the scheduler's file the cost model's weight is tried, read back like any."""
    with pytest.raises(CgroupError, match=r"^io_weight: wrote 200 to .*/io.weight but it reads"):
        tree.cgroups().create("job", Limits(io_weight=200, devices=None))


def test_a_missing_file_names_the_field(tree: Tree) -> None:
    """A kernel without the file of a limit that was asked for is named with both."""
    GROUP_FILES.remove("memory.low")
    try:
        with pytest.raises(CgroupError, match=r"^memory_reservation: this kernel has no memory.l"):
            tree.cgroups().create("job", Limits(memory_reservation=MEGABYTE, devices=None))
    finally:
        GROUP_FILES.append("memory.low")


def delegate(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Mark one directory as systemd does."""

    def getxattr(asked: str, name: str) -> bytes:
        if asked == str(path) and name == "user.delegate":
            return b"1"
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))

    monkeypatch.setattr(os, "getxattr", getxattr)


@pytest.mark.parametrize("own", ["/app.service", "/app.service/supervisor"])
def test_a_delegated_subtree_is_used(tree: Tree, monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    """Groups go below the delegated group, also when we are already in the leaf of it."""
    os.mkdir(str(tree.root / "app.service"))
    (tree.root / "app.service/cgroup.controllers").write_text("memory pids")
    delegate(monkeypatch, tree.root / "app.service")
    tree.cgroups(own).create("job", UNRESTRICTED).close_launch_fds()
    assert (tree.root / "app.service/pocker/job").is_dir()
    assert tree.text("cgroup.subtree_control") == ""


def test_without_delegation_groups_go_below_the_root(tree: Tree) -> None:
    """A group that is not ours to rule is left alone."""
    os.mkdir(str(tree.root / "session.scope"))
    tree.cgroups("/session.scope").create("job", UNRESTRICTED).close_launch_fds()
    assert (tree.root / "pocker/job").is_dir()


def busy_until_vacated(monkeypatch: pytest.MonkeyPatch, base: Path) -> None:
    """Let `base` behave like a group with processes: no controllers for children."""
    write = Directory.write

    def guarded(directory: Directory, file: str, text: str) -> None:
        procs = base / "cgroup.procs"
        if file == "cgroup.subtree_control" and directory.path == str(base) and procs.read_text():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        write(directory, file, text)
        if file == "cgroup.procs":
            left = procs.read_text().split()
            procs.write_text("\n".join(pid for pid in left if pid != text))

    monkeypatch.setattr(Directory, "write", guarded)


def test_the_supervisor_moves_into_a_leaf(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delegated group with processes is vacated so that controllers can be enabled."""
    base = tree.root / "app.service"
    os.mkdir(str(base))
    (base / "cgroup.controllers").write_text("memory pids")
    (base / "cgroup.procs").write_text("11\n12")
    delegate(monkeypatch, base)
    busy_until_vacated(monkeypatch, base)
    tree.cgroups("/app.service").create("job", UNRESTRICTED).close_launch_fds()
    assert tree.text("app.service/cgroup.subtree_control") == "+memory +pids"
    assert tree.text("app.service/supervisor/cgroup.procs") == "12"


def test_processes_of_others_are_not_moved(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the group is not delegated, processes in the way are an error."""
    (tree.root / "cgroup.procs").write_text("11")
    busy_until_vacated(monkeypatch, tree.root)
    with pytest.raises(CgroupError, match=r"^enable memory, pids below .* .processes live in that"):
        tree.cgroups().create("job", UNRESTRICTED)
    assert not (tree.root / "supervisor").exists()


def test_who_joins_a_group_that_was_divided(tree: Tree) -> None:
    """A container that rules its own group: there, and then in a part that may have processes."""
    cgroups = tree.cgroups()
    group = cgroups.create("job", UNRESTRICTED, delegated=True)
    group.close_launch_fds()
    payload = f"{group.paths['unified']}/payload"
    assert joined_by(group) == payload
    for name, shared in ((".", "memory"), ("inner", "pids"), ("inner/leaf", "")):
        os.makedirs(f"{payload}/{name}", exist_ok=True)
        Path(payload, name, "cgroup.subtree_control").write_text(f"{shared}\n")
    for known in (group, cgroups.open_existing("job")):
        assert joined_by(known) == f"{payload}/inner/leaf"


def joined_by(group: Cgroup) -> str:
    """Where a new process of a group would begin."""
    group.open_launch_fds()
    try:
        return os.readlink(f"/proc/self/fd/{group.into_fd}")
    finally:
        group.close_launch_fds()


def test_counters(tree: Tree) -> None:
    """Usage is put together from the v2 files; what the kernel lacks is None."""
    cgroups = tree.cgroups()
    cgroups.create("job", UNRESTRICTED).close_launch_fds()
    job = tree.root / "pocker/job"
    (job / "cgroup.controllers").write_text("io memory pids")
    (job / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (job / "memory.current").write_text("4096\n")
    (job / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    (job / "io.stat").write_text("8:0 rbytes=7 wbytes=8 rios=1 wios=1\n")
    (job / "pids.peak").write_text("3\n")
    usage = cgroups.open_existing("job").usage()
    assert (usage.cpu_seconds, usage.memory_current, usage.memory_peak) == (1.5, 4096, None)
    assert (usage.io_read, usage.io_write) == (7, 8)
    assert (usage.oom_kills, usage.pids_peak) == (1, 3)


def test_a_filter_that_cannot_be_attached_leaves_nothing(tree: Tree) -> None:
    """If the device list cannot be put in force, there is no group."""
    cgroups = tree.cgroups()
    with pytest.raises(CgroupError, match=r"^devices: "):
        cgroups.create("job", Limits())
    assert cgroups.existing() == []
