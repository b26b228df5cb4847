"""Row 4: security settings are really applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.security.capabilities import DEFAULT_CAPABILITIES, to_mask
from runtime.spec import Device, DirectoryRootfs, Tmpfs, Volume
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root


@pytest.mark.parametrize("place", ["proc", "sys"])
@pytest.mark.parametrize("link", ["/tmp", "tmp", "/", "/nowhere", "/dev"])
async def test_a_link_in_the_place_of_a_kernel_file_system_is_refused(
    stage: Stage, image: Path, place: str, link: str
) -> None:
    """What is written to /proc would go to files of the image otherwise."""
    (image / place).symlink_to(link)
    with pytest.raises(StartError) as error:
        await stage.run("true")
    assert f"open directory /{place}: too many levels of symbolic links (step" in str(error.value)


@pytest.mark.parametrize("place", ["proc", "sys"])
async def test_a_file_in_its_place_is_refused(stage: Stage, image: Path, place: str) -> None:
    """A file cannot be mounted over by a file system, and is not skipped either."""
    (image / place).write_text("")
    with pytest.raises(StartError, match=f"open directory /{place}: not a directory"):
        await stage.run("true")


async def test_what_the_image_has_there_is_hidden(stage: Stage, image: Path) -> None:
    """Files that look like the kernel's are below the kernel's own."""
    (image / "proc/self/attr").mkdir(parents=True)
    (image / "proc/self/attr/current").write_text("forged")
    (image / "proc/sys/kernel").mkdir(parents=True)
    (image / "sys/kernel").mkdir(parents=True)
    script = "stat -f -c %t /proc /proc/self/ /proc/sys/kernel /sys /sys/kernel; ls /proc/self/attr"
    lines = (await stage.run(script)).lines
    assert lines[:5] == ["9fa0", "9fa0", "9fa0", "62656572", "62656572"]
    assert "current" in lines


@pytest.mark.parametrize("link", ["/proc", "/proc/self", "/proc/sys", "/sys", "/sys/kernel"])
async def test_a_link_of_the_image_leads_no_mount_there(
    stage: Stage, image: Path, canary: Path, link: str
) -> None:
    """Such a target is harmless as written; where it leads is what is looked at."""
    (image / "data").symlink_to(link)
    volume = {"volumes": (Volume(source=str(canary), target="/data", read_only=True),)}
    tmpfs = {"tmpfs": (Tmpfs(target="/data"),)}
    for changes in (volume, tmpfs):
        with pytest.raises(StartError) as error:
            await stage.run("true", **changes)
        assert "/data leads into a file system of the kernel: operation not permitted" in str(
            error.value
        )
    (image / "file").symlink_to("/proc/version")
    device = Device(source="/dev/null", target="/file")
    with pytest.raises(StartError, match="/file leads into a file system of the kernel"):
        await stage.run("true", devices=(device,))


async def status_of(stage: Stage, **changes: object) -> dict[str, str]:
    """What the kernel says of a command."""
    ended = await stage.run("cat", "/proc/self/status", **changes)
    return {line.partition(":")[0]: line.partition(":")[2].strip() for line in ended.lines}


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize("seccomp", [True, False])
@pytest.mark.parametrize("no_new_privileges", [True, False])
async def test_the_kernel_confirms_what_was_asked_for(
    stage: Stage, init: bool, user: str, seccomp: bool, no_new_privileges: bool
) -> None:
    """Privileges, filter and capabilities are read back from inside, in every combination."""
    status = await status_of(
        stage, init=init, user=user, seccomp=seccomp, no_new_privileges=no_new_privileges
    )
    assert status["NoNewPrivs"] == str(int(no_new_privileges))
    assert (status["Seccomp"], status["Seccomp_filters"]) == (("2", "1") if seccomp else ("0", "0"))
    assert int(status["CapBnd"], 16) == to_mask(DEFAULT_CAPABILITIES)
    held = to_mask(DEFAULT_CAPABILITIES) if user == "0" else 0
    assert {int(status["CapPrm"], 16), int(status["CapEff"], 16)} == {held}


async def test_a_directory_root_is_held_to_the_same(
    stage: Stage, image: Path, tmp_path: Path
) -> None:
    """It may be hostile as well."""
    (image / "proc").symlink_to("/tmp")
    with pytest.raises(StartError, match="open directory /proc: too many levels"):
        await stage.run("true", rootfs=DirectoryRootfs(str(image)))
