"""Starts that fail: the error says which step, on what, why and who asked, and nothing is left."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ContainerError, SpecError, StartError
from runtime.limits import Limits
from runtime.spec import (
    Device,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Tmpfs,
    Ulimit,
    Volume,
)
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root


async def refusal(stage: Stage, *command: str, **changes: Any) -> str:
    """The text of the error that a start gives."""
    with pytest.raises(StartError) as error:
        await stage.run(*command, **changes)
    assert error.value.code == 125
    return str(error.value)


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize(
    ("command", "message", "code"),
    [
        ("none-such", "command not found: none-such", 127),
        ("/none/such", "command not found: /none/such", 127),
        ("/etc/passwd", "cannot execute /etc/passwd: permission denied", 126),
        ("/tmp", "cannot execute /tmp: permission denied", 126),
        ("/etc/passwd/x", "cannot execute /etc/passwd/x: not a directory", 126),
    ],
)
async def test_a_command_that_does_not_execute(
    stage: Stage, command: str, message: str, code: int, init: bool
) -> None:
    """Codes are those of the shell: 127 for what is not there, 126 for what is no program."""
    with pytest.raises(StartError) as error:
        await stage.run(command, init=init)
    assert (str(error.value), error.value.code) == (message, code)


async def test_a_program_for_another_root(stage: Stage, tmp_path: Path) -> None:
    """One whose interpreter or loader the image lacks is told from one that is not there."""
    for name, content in (("script", b"#!/none/such\n"), ("python", None)):
        path = tmp_path / name
        path.write_bytes(content or Path("/bin/ls").read_bytes())
        path.chmod(0o755)
        with pytest.raises(StartError) as error:
            await stage.run(f"/x/{name}", volumes=(Volume(source=str(tmp_path), target="/x"),))
        assert str(error.value) == f"cannot execute /x/{name}: its interpreter is missing"
        assert error.value.code == 127


async def test_what_is_not_there_is_told_before_anything_is_made(
    stage: Stage, tmp_path: Path
) -> None:
    """Images, volumes and devices are looked at first; the message has the entry's number."""
    none = f"{tmp_path}/none"
    volumes = (Volume(source="/", target="/a"), Volume(source=none, target="/b"))
    device = Device(source=none, target="/dev/x")
    for changes, message in (
        ({"volumes": volumes}, f"volumes[1]: source {none} does not exist"),
        ({"devices": (device,)}, f"devices[0]: source {none} does not exist"),
        ({"rootfs": DirectoryRootfs(none)}, f"image {none}: no such directory"),
        (
            {"rootfs": OverlayRootfs((str(stage.image), none))},
            f"image {none}: no such directory",
        ),
    ):
        assert await refusal(stage, "true", **changes) == message
        assert os.listdir(stage.runtime.directories.containers) == []


async def test_a_failed_step_names_its_origin(stage: Stage, tmp_path: Path) -> None:
    """Here a target that cannot be made: a file of the image is in the way."""
    volume = Volume(source=str(tmp_path), target="/etc/passwd/below", read_only=True)
    message = await refusal(stage, "true", volumes=(volume,))
    steps = message.rpartition("(step ")[2].partition(",")[0]
    assert message == (
        f"mount {tmp_path} at /etc/passwd/below (ro): open directory /etc/passwd/below: "
        f"not a directory (step {steps}, volumes[0])"
    )
    tmpfs = Tmpfs(target="/bin/busybox")
    assert (await refusal(stage, "true", tmpfs=(tmpfs,))).endswith(
        f": open directory /bin/busybox: not a directory (step {steps}, tmpfs[0])"
    )


async def test_a_source_that_goes_in_between_is_an_error_of_its_step(
    stage: Stage, tmp_path: Path
) -> None:
    """Checked when the container is made, opened when it is started."""
    (tmp_path / "data").mkdir()
    volume = Volume(source=f"{tmp_path}/data", target="/data")
    async with stage.runtime.container(stage.spec("true", volumes=(volume,))) as container:
        (tmp_path / "data").rmdir()
        with pytest.raises(StartError) as error:
            await container.start()
    step = str(error.value).rpartition("(step ")[2]
    assert str(error.value) == (
        f"mount {tmp_path}/data at /data: open {tmp_path}/data: "
        f"no such file or directory (step {step}"
    )
    assert step.endswith(", volumes[0])")


async def test_a_file_does_not_cover_a_directory(stage: Stage, tmp_path: Path) -> None:
    """Nor the other way round; both are said in words that name the target."""
    (tmp_path / "file").write_text("")
    file = Volume(source=f"{tmp_path}/file", target="/etc")
    assert ": open file /etc: is a directory (step" in await refusal(stage, "true", volumes=(file,))
    directory = Volume(source=str(tmp_path), target="/etc/passwd")
    assert ": open directory /etc/passwd: not a directory (step" in await refusal(
        stage, "true", volumes=(directory,)
    )


async def test_unknown_names_are_errors_of_their_fields(stage: Stage) -> None:
    """Users and groups are those of the image; limits are those of the kernel."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"user": "ghost"}, "user: no user 'ghost' in the container's /etc/passwd"),
        ({"user": "0:ghost"}, "user: no group 'ghost' in the container's /etc/group"),
        ({"groups": ("ghost",)}, "group_add[0]: no group 'ghost' in the container's /etc/group"),
        ({"ulimits": (Ulimit(name="x", soft=1, hard=1),)}, "ulimits[0]: unknown limit 'x'"),
    ]
    for changes, message in cases:
        with pytest.raises(SpecError) as error:
            await stage.run("true", **changes)
        assert str(error.value) == message


async def test_a_limit_that_may_not_be_raised(stage: Stage) -> None:
    """Without CAP_SYS_RESOURCE in the container's bounding set even root may only lower one."""
    soft_above_hard = Ulimit(name="nofile", soft=20, hard=10)
    message = await refusal(stage, "true", ulimits=(soft_above_hard,))
    assert ": invalid argument (step " in message
    assert message.startswith("set resource limit 7 to 20:10: ")
    assert message.endswith(", ulimits.nofile)")


async def test_a_working_directory_that_the_user_may_not_enter(
    stage: Stage, tmp_path: Path
) -> None:
    """It is entered with the rights of the command's user."""
    tmp_path.chmod(0o700)
    message = await refusal(
        stage,
        "true",
        user="1000",
        working_dir="/closed",
        volumes=(Volume(source=str(tmp_path), target="/closed"),),
    )
    assert message.startswith("enter working directory /closed: permission denied (step ")
    assert message.endswith(", working_dir)")


async def test_a_name_is_used_once(stage: Stage) -> None:
    """A second container of the same name is refused, and the first one does not notice."""
    spec = stage.spec("true")
    async with stage.runtime.container(spec) as container:
        with pytest.raises(ContainerError) as error:
            async with stage.runtime.container(spec):
                pass
        assert str(error.value) == f"container {spec.id} exists already"
        await container.start()


async def test_a_start_happens_once(stage: Stage) -> None:
    """A second one is an error that leaves the running command alone."""
    async with stage.started("sleep", "1000", rootfs=HostRootfs()) as container:
        first = container.process
        with pytest.raises(StartError, match="file exists"):
            await container.start()
        assert container.process is first
        assert len(container.cgroup.members()) == 2


async def test_an_impossible_limit_leaves_nothing(stage: Stage) -> None:
    """What the kernel refuses is told by the group's own error, and the directory is gone."""
    with pytest.raises(ContainerError, match="cpuset"):
        await stage.run("true", limits=Limits(cpuset="4000"))
    assert os.listdir(stage.runtime.directories.containers) == []


async def test_a_directory_that_cannot_be_filled_leaves_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing that is written fails when the groups are there already."""

    def full(path: Path, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    spec = stage.spec("true")
    path = stage.runtime.directories.container(spec.id).cgroups
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(ContainerError) as error:
            async with stage.runtime.container(spec):
                pass
    assert str(error.value) == f"make container {spec.id}: {path}: no space left on device"


async def test_a_device_must_be_one(stage: Stage, tmp_path: Path) -> None:
    """A regular file in its place is refused before anything is made."""
    (tmp_path / "file").write_text("")
    device = Device(source=f"{tmp_path}/file", target="/dev/x")
    assert await refusal(stage, "true", devices=(device,)) == (
        f"device {tmp_path}/file: not a device"
    )


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFDIR])
async def test_an_image_whose_passwd_is_none(stage: Stage, tmp_path: Path, kind: int) -> None:
    """The supervisor reads it before the container exists, and does not wait for a fifo."""
    (tmp_path / "etc").mkdir()
    if kind == stat.S_IFIFO:
        os.mkfifo(tmp_path / "etc/passwd")
    else:
        (tmp_path / "etc/passwd").mkdir()
    rootfs = OverlayRootfs((str(tmp_path), str(stage.image)))
    assert await refusal(stage, "true", rootfs=rootfs) == (
        "read etc/passwd of the container's root: not a regular file"
    )
