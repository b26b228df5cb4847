"""Row 5: masks and /dev are ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.security.masks import MASKED_PATHS, READ_ONLY_PATHS
from runtime.spec import Volume
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

DEVICES = {
    "null": "1:3",
    "zero": "1:5",
    "full": "1:7",
    "random": "1:8",
    "urandom": "1:9",
    "tty": "5:0",
}


async def test_a_hostile_dev_in_the_image_is_not_used(stage: Stage, image: Path) -> None:
    """Devices and links are the container's own, whatever the image has by their names."""
    (image / "dev").mkdir()
    os.mknod(image / "dev/sda", stat.S_IFBLK | 0o666, os.makedev(8, 0))
    os.mknod(image / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    (image / "dev/zero").write_text("no zeros")
    (image / "dev/fd").mkdir()
    (image / "dev/pts").symlink_to("/tmp")
    (image / "dev/shm").symlink_to("/etc")
    script = f"""
        cd /dev; ls sda 2>&1
        for name in {" ".join(DEVICES)}; do stat -c '%t:%T %a' $name; done
        stat -c %F fd pts shm
    """
    ended = await stage.run(script)
    lines = ended.stdout.decode().splitlines()
    assert lines[0] == "ls: sda: No such file or directory"
    assert lines[1:7] == [f"{numbers} 666" for numbers in DEVICES.values()]
    assert lines[7:] == ["symbolic link", "directory", "directory"]


@pytest.mark.parametrize("link", ["/etc", "/proc", "/tmp", "/nowhere"])
async def test_a_link_in_the_place_of_dev_is_refused(stage: Stage, image: Path, link: str) -> None:
    """The devices would be made somewhere else in the image."""
    (image / "dev").symlink_to(link)
    with pytest.raises(StartError, match="open directory /dev: too many levels of symbolic links"):
        await stage.run("true")


async def test_a_file_in_the_place_of_dev_is_refused(stage: Stage, image: Path) -> None:
    """Nothing starts without devices of its own."""
    (image / "dev").write_text("")
    with pytest.raises(StartError, match="open directory /dev: not a directory"):
        await stage.run("true")


async def test_a_false_null_device_masks_nothing(
    stage: Stage, tmp_path: Path, canary: Path
) -> None:
    """Where a volume covers /dev, what hides files has to be the null device all the same."""
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "null").write_text("forged")
    with pytest.raises(StartError, match="/dev/null is not the null device"):
        await stage.run("true", volumes=(Volume(source=str(dev), target="/dev"),))


@pytest.mark.parametrize("init", [True, False])
async def test_masked_paths_are_empty(stage: Stage, init: bool) -> None:
    """Directories have no entries and files no content; what the kernel lacks is not made up."""
    paths = [path for path in MASKED_PATHS if os.path.exists(path)]
    assert "/proc/kcore" in paths or "/proc/interrupts" in paths
    script = f"""
        for path in {" ".join(paths)}; do
            if [ -d $path ]; then ls -A $path | wc -l; else wc -c <$path; fi
        done
    """
    assert (await stage.run(script, init=init)).lines == ["0"] * len(paths)
    missing = [path for path in MASKED_PATHS if not os.path.exists(path)]
    ended = await stage.run("ls", "-d", *missing)
    assert (ended.stdout, ended.exit.code) == (b"", 1)


async def test_masked_directories_cannot_be_filled(stage: Stage) -> None:
    """They are read-only, so nobody is led to believe that something there is the kernel's."""
    directories = [path for path in MASKED_PATHS if os.path.isdir(path)]
    for path in directories:
        ended = await stage.run("touch", f"{path}/x")
        assert b"Read-only file system" in ended.stderr


async def test_read_only_paths_cannot_be_written_to(stage: Stage) -> None:
    """By root either."""
    paths = [path for path in READ_ONLY_PATHS if os.path.exists(path)]
    files = ["/proc/sys/kernel/hostname", "/proc/sys/vm/swappiness", "/proc/sys/fs/file-max"]
    files += [path for path in paths if os.path.isfile(path)]
    for path in files:
        assert (await stage.run("probe", "open", path, "w")).text == "EROFS\n"
    for path in paths:
        options = await stage.run(f"grep ' {path} ' /proc/mounts | tail -n1 | cut -d' ' -f4")
        assert options.text.startswith("ro,")


@pytest.mark.parametrize("seccomp", [True, False])
async def test_nothing_can_be_mounted_again(stage: Stage, seccomp: bool) -> None:
    """With the filter or without it, there is no right to mount."""
    masked = next(path for path in MASKED_PATHS if os.path.exists(path))
    for path in ("/proc/sys", masked, "/sys", "/", "/dev"):
        assert (await stage.run("probe", "remount", path, seccomp=seccomp)).text == "EPERM\n"
    for kind in ("proc", "tmpfs", "sysfs"):
        ended = await stage.run("probe", "mount", kind, "/tmp", seccomp=seccomp)
        assert ended.text == "EPERM\n"


async def test_terminals_are_the_containers_own(stage: Stage) -> None:
    """A new devpts: those of the host are neither listed nor counted on."""
    script = "ls /dev/pts; stat -c %a /dev/pts/ptmx; stat -f -c %T /dev/pts/"
    assert (await stage.run(script)).lines == ["ptmx", "666", "devpts"]
