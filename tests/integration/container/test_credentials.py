"""Who and where the command is: user, groups, directory, host name, variables, session."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from runtime.directories import Directories
from runtime.plan.build import DEFAULT_PATH
from runtime.spec import HostEntry, Ulimit, Volume
from tests.integration.container.stage import Stage, stage_in

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    ("changes", "uid", "gid", "groups"),
    [
        ({}, 0, 0, ""),
        ({"user": "root"}, 0, 0, ""),
        ({"user": "user"}, 1000, 1000, "50"),
        ({"user": "1000"}, 1000, 1000, "50"),
        ({"user": "1000:0"}, 1000, 0, ""),
        ({"user": "user:staff"}, 1000, 50, ""),
        ({"user": "user", "groups": ("nogroup", "7")}, 1000, 1000, "7 50 65534"),
        ({"user": "4711"}, 4711, 0, ""),
        ({"user": "4294967294:2147483648"}, 4294967294, 2147483648, ""),
    ],
)
async def test_the_command_is_who_was_asked_for(
    stage: Stage, changes: dict[str, Any], uid: int, gid: int, groups: str
) -> None:
    """All four of its user ids, all four of its group ids, and exactly these other groups."""
    status = dict(
        line.split(":", 1) for line in (await stage.run("cat /proc/self/status", **changes)).lines
    )
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4
    assert status["Groups"].strip() == groups


async def test_the_groups_of_the_supervisor_are_not_inherited(stage: Stage) -> None:
    """Whatever root is a member of on the host."""
    before = os.getgroups()
    os.setgroups([4, 24, 27])
    try:
        ended = await stage.run("grep Groups /proc/self/status")
    finally:
        os.setgroups(before)
    assert ended.text.split() == ["Groups:"]


async def test_variables_are_exactly_those_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PATH, HOME and HOSTNAME have defaults; nothing comes from the supervisor."""
    monkeypatch.setenv("CANARY", "1")
    for init in (True, False):
        ended = await stage.run(
            *("cat", "/proc/self/environ"),
            environment={"A": "b c=d", "E": ""},
            user="user",
            hostname="box",
            init=init,
        )
        assert ended.text.removesuffix("\0").split("\0") == [
            f"PATH={DEFAULT_PATH}",
            "HOME=/home",
            "HOSTNAME=box",
            "A=b c=d",
            "E=",
        ]


async def test_the_environment_of_pid_1_is_empty(stage: Stage) -> None:
    """Neither the command's variables nor the supervisor's are in it."""
    async with stage.started("sleep", "1000", environment={"A": "b"}) as container:
        assert container.process is not None
        assert Path(f"/proc/{container.process.pid}/environ").read_bytes() == b""


async def test_the_host_name_is_the_containers(stage: Stage) -> None:
    """Inside, in its files and variables; the host keeps its own."""
    before = socket.gethostname()
    script = "hostname; cat /etc/hostname; echo $HOSTNAME; grep -c 127.0.1.1.box /etc/hosts"
    others = (HostEntry(name="db", address="10.0.0.7"), HostEntry(name="db", address="fd00::7"))
    ended = await stage.run(
        f"{script}; grep db$ /etc/hosts", hostname="box.example", extra_hosts=others
    )
    assert ended.lines == ["box.example"] * 3 + ["1", "10.0.0.7\tdb", "fd00::7\tdb"]
    assert socket.gethostname() == before


async def test_its_files_can_be_read_whatever_the_umask(stage: Stage) -> None:
    """Neither the root nor what is made in it depends on how the supervisor was started."""
    before = os.umask(0o077)
    try:
        ended = await stage.run(
            "cat /etc/hostname && stat -c %a / /etc/hosts /made /dev/shm /dev/null",
            hostname="box",
            user="user",
            working_dir="/made/here",
        )
    finally:
        os.umask(before)
    assert ended.lines == ["box", "755", "644", "755", "1777", "666"]


async def test_what_an_image_lacks_can_be_read_whatever_the_umask(
    state: Directories, busybox: Path, tmp_path: Path
) -> None:
    """Directories that the runtime makes below an image are no more closed than its own."""
    (tmp_path / "bin").mkdir()
    shutil.copy2(busybox / "bin/busybox", tmp_path / "bin/sh")
    before = os.umask(0o077)
    try:
        with stage_in(state, tmp_path) as stage:
            script = "read name </etc/hostname && echo $name && cd /etc && cd /proc && cd /dev"
            ended = await stage.run(script, hostname="box", user="1000")
    finally:
        os.umask(before)
    assert ended.text == "box\n"


async def test_the_working_directory_is_made_if_missing(stage: Stage) -> None:
    """As root's, like any directory of an image; one that is there keeps its mode."""
    ended = await stage.run("pwd; stat -c '%a %u' .", working_dir="/a/b", user="user")
    assert ended.lines == ["/a/b", "755 0"]
    ended = await stage.run("pwd; stat -c %a .", working_dir="/tmp")
    assert ended.lines == ["/tmp", "1777"]


async def test_the_umask_is_set(stage: Stage) -> None:
    """0022 by default."""
    assert (await stage.run("umask; true")).text == "0022\n"
    assert (await stage.run("umask; true", umask=0o007)).text == "0007\n"


async def test_the_command_leads_a_session_of_its_own(stage: Stage) -> None:
    """It has no terminal, and PID 1 is in another session."""
    script = "cut -d' ' -f1,5,6,7 /proc/self/stat; cut -d' ' -f1,6 /proc/1/stat"
    ended = await stage.run("sh", "-c", f"{script}")
    numbers = ended.stdout.split()
    assert numbers[3] == b"0"
    assert numbers[4:] == [b"1", b"1"]
    ended = await stage.run("cut", "-d ", "-f1,5,6", "/proc/self/stat")
    pid, group, session = ended.text.split()
    assert pid == group == session != "1"


async def test_resource_limits_are_set(stage: Stage) -> None:
    """Soft and hard, on the command and what it starts."""
    limits = (
        Ulimit(name="nofile", soft=100, hard=200),
        Ulimit(name="core", soft=0, hard=0),
        Ulimit(name="stack", soft=1 << 20, hard=-1),
    )
    lines = (await stage.run("cat", "/proc/self/limits", ulimits=limits)).lines
    found = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert found["Max open files"] == ["100", "200"]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max stack size"] == ["1048576", "unlimited"]


async def test_nothing_blocks_or_ignores_signals(stage: Stage) -> None:
    """Python ignores SIGPIPE, and PID 1 blocks all: the command starts with neither."""
    for init in (True, False):
        ended = await stage.run("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", init=init)
        assert [line.split()[1] for line in ended.lines] == ["0" * 16, "0" * 16]


async def test_the_system_files_follow_the_image(stage: Stage, tmp_path: Path) -> None:
    """A user's own volume over one of them is what counts."""
    (tmp_path / "hosts").write_text("mine\n")
    volume = Volume(source=f"{tmp_path}/hosts", target="/etc/hosts", read_only=True)
    assert (await stage.run("cat", "/etc/hosts", volumes=(volume,))).text == "mine\n"
