"""Row 2: no host descriptor or working directory enters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import StartError
from tests.integration.container.stage import Stage, end_of

pytestmark = pytest.mark.root


@pytest.fixture
def planted(canary: Path) -> Iterator[list[int]]:
    """Leave 50 descriptors inheritable, of directories and of files."""
    descriptors = [os.open(canary if n % 2 else canary / "file", os.O_RDONLY) for n in range(50)]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("seccomp", [True, False])
async def test_the_job_has_three_descriptors(
    stage: Stage, planted: list[int], init: bool, seccomp: bool
) -> None:
    """Its input and its two outputs; none of them is a directory."""
    ended = await stage.run("probe", "fds", init=init, seccomp=seccomp)
    assert ended.lines == ["0 device", "1 pipe", "2 pipe"]


async def test_pid_1_holds_no_directory(stage: Stage, planted: list[int]) -> None:
    """Only its record, and the read ends of the two pipes."""
    async with stage.started("sleep", "1000") as container:
        assert container.process is not None
        held = Path(f"/proc/{container.process.pid}/fd")
        links = sorted(os.readlink(held / name) for name in os.listdir(held))
        directory = container.directory
        assert links == sorted([directory.exit_record, directory.stdout, directory.stderr])


async def test_it_starts_at_its_own_root(
    stage: Stage, planted: list[int], canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the supervisor is."""
    monkeypatch.chdir(canary)
    for init in (True, False):
        assert (await stage.run("probe", "cwd", init=init)).text == "/\n"
    async with stage.started("sleep", "1000") as container:
        assert container.process is not None
        for pid in container.cgroup.members():
            assert os.readlink(f"/proc/{pid}/cwd") == "/"
            assert (
                os.stat(f"/proc/{pid}/root/.").st_ino
                == os.stat(f"/proc/{container.process.pid}/root/.").st_ino
            )
        container.kill()
        await end_of(container)


async def test_a_descriptor_is_no_working_directory(stage: Stage, planted: list[int]) -> None:
    """By its number in /proc, whichever it is, nobody gets out: each is refused."""
    for number in (*range(12), *planted[:4]):
        with pytest.raises(StartError) as error:
            await stage.run("pwd", working_dir=f"/proc/self/fd/{number}")
        assert str(error.value).endswith(", working_dir)")


async def test_a_link_in_the_image_is_no_way_out(
    stage: Stage, image: Path, planted: list[int]
) -> None:
    """A working directory may be a link of the image, but not to what /proc links to."""
    (image / "work").symlink_to("/proc/self/fd/7")
    (image / "cwd").symlink_to("/proc/self/cwd")
    (image / "up").symlink_to("/../../../..")
    for name in ("work", "cwd", "cwd/sub"):
        with pytest.raises(StartError, match="too many levels of symbolic links"):
            await stage.run("pwd", working_dir=f"/{name}")
    assert (await stage.run("probe", "cwd", working_dir="/up")).text == "/\n"
