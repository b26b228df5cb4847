"""Where things lie: names made of ids, directories that are the owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.directories import Directories, default_directories
from runtime.errors import ContainerError


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run a test under several umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: str | Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(os.stat(path).st_mode)


def test_roots_directories_are_the_systems() -> None:
    """Root has fixed places, whatever its environment says."""
    environ = {"XDG_RUNTIME_DIR": "/x", "XDG_STATE_HOME": "/y", "HOME": "/z"}
    assert default_directories(0, environ) == Directories("/run/pocker", "/var/lib/pocker")


def test_a_users_directories_are_those_of_xdg() -> None:
    """The variables decide; what they leave open has the defaults of the XDG specification."""
    environ = {"XDG_RUNTIME_DIR": "/run/me", "XDG_STATE_HOME": "/state", "HOME": "/home/me"}
    assert default_directories(7, environ) == Directories("/run/me/pocker", "/state/pocker")
    environ = {"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "", "HOME": "/home/me"}
    assert default_directories(7, environ) == Directories(
        "/run/user/7/pocker", "/home/me/.local/state/pocker"
    )


def test_a_containers_paths_are_made_of_its_id() -> None:
    """All lie below the two base directories, in one directory each."""
    directory = Directories("/r", "/s").container("job-1")
    assert {
        directory.document,
        directory.stdout,
        directory.stderr,
        directory.exit_record,
    } == {f"/r/containers/job-1/{name}" for name in ("container.json", "stdout", "stderr", "exit")}
    assert (directory.layer.upper, directory.layer.work) == (
        "/s/containers/job-1/upper",
        "/s/containers/job-1/work",
    )


def test_directories_are_made_for_their_owner_only(tmp_path: Path, umask: int) -> None:
    """Whatever the umask; and again without complaint."""
    directories = Directories(f"{tmp_path}/a/root", f"{tmp_path}/b/state")
    for _ in range(2):
        directories.prepare()
        for path in (
            directories.root,
            directories.state,
            directories.mountpoint,
            directories.containers,
            f"{directories.state}/containers",
        ):
            assert mode(path) == 0o700


@pytest.mark.parametrize("open_to", [0o1777, 0o755, 0o750, 0o701])
def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path, open_to: int) -> None:
    """It is left as it is: changing the mode of /tmp or /run would hurt everybody else."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(open_to)
    for directories in (
        Directories(str(shared), f"{tmp_path}/state"),
        Directories(f"{tmp_path}/root", str(shared)),
    ):
        with pytest.raises(ContainerError) as error:
            directories.prepare()
        assert str(error.value) == (
            f"directory {shared} is open to other users (mode {open_to:04o}); it must be 0700"
        )
        assert mode(shared) == open_to
        assert os.listdir(shared) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The message has the path and the kernel's reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ContainerError) as error:
        Directories(f"{tmp_path}/file/root", f"{tmp_path}/state").prepare()
    assert str(error.value) == f"make directory {tmp_path}/file/root: not a directory"
    with pytest.raises(ContainerError) as error:
        Directories(f"{tmp_path}/file", f"{tmp_path}/state").prepare()
    assert str(error.value) == f"make directory {tmp_path}/file: file exists"
