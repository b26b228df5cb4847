"""Row 24: nothing outlives a job."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from runtime.spec import HostRootfs, Tmpfs, Volume
from tests.integration.container.stage import Stage, end_of, left_since, read_line, traces
from tests.leaks import mounts

pytestmark = pytest.mark.root

CONTAINERS = int(os.environ.get("POCKER_CONTAINERS", "100"))
"""How many; a longer run sets it to thousands."""
AT_ONCE = 4
IPC_PRIVATE, IPC_CREAT, IPC_RMID = 0, 0o1000, 0
SHMGET = 29 if platform.machine() == "x86_64" else 194


def shared_memory() -> dict[str, str]:
    """What processes share by numbers that belong to no file system."""
    return {name: Path(f"/proc/sysvipc/{name}").read_text() for name in ("shm", "sem", "msg")}


@pytest.fixture
def baseline(stage: Stage) -> Iterator[None]:
    """Compare everything on the machine that a container is made of, and what it could leave."""
    trio.run(stage.run, "true")
    before, shared = traces(), shared_memory()
    yield
    assert left_since(before) == []
    assert shared_memory() == shared
    assert not Path("/dev/shm/pocker-shm").exists()


BUSY = """
    echo x >/dev/shm/pocker-shm; echo y >/tmp/file; mkfifo /tmp/fifo
    (setsid sleep 1000 &); (sleep 1000 &); sleep 1000 &
    echo done; echo error >&2; exit 3
"""


async def test_many_containers_leave_nothing(stage: Stage, tmp_path: Path, baseline: None) -> None:
    """One after the other and some at once, of all kinds: mounts, groups, namespaces, files."""
    volumes = (Volume(source=str(tmp_path), target="/data", read_only=True),)
    tmpfs = (Tmpfs(target="/scratch"),)
    numbers = iter(range(CONTAINERS))

    async def work() -> None:
        for number in numbers:
            changes = {"rootfs": HostRootfs()} if number % 5 == 0 else {}
            ended = await stage.run(
                BUSY,
                volumes=volumes,
                tmpfs=tmpfs,
                init=number % 3 != 0,
                network="host" if number % 7 == 0 else "none",
                hostname="box",
                **changes,
            )
            assert (ended.exit.code, ended.stdout, ended.stderr) == (3, b"done\n", b"error\n")

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(work)


async def test_shared_memory_is_the_containers_own(stage: Stage, baseline: None) -> None:
    """Its IPC namespace and its /dev/shm go with it; it sees none of the host's."""
    host = Path("/dev/shm/pocker-host-canary")
    host.write_text("host")
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0o600)
    assert segment >= 0
    try:
        made = await stage.run("probe", "call", str(SHMGET), "0", "4096", str(IPC_CREAT | 0o600))
        assert made.text == "ok\n"
        ended = await stage.run(
            "ls /dev/shm /dev/mqueue; tail -n +2 /proc/sysvipc/shm; echo x >/dev/shm/pocker-inside"
        )
    finally:
        host.unlink()
        assert libc.shmctl(segment, IPC_RMID, None) == 0
    assert ended.stdout.decode().split() == ["/dev/mqueue:", "/dev/shm:"]
    assert not Path("/dev/shm/pocker-inside").exists()


async def test_mounts_go_neither_way(stage: Stage, tmp_path: Path, baseline: None) -> None:
    """What the host mounts while a container runs is not seen inside, nor the other way round."""
    place = tmp_path / "place"
    place.mkdir()
    volumes = (Volume(source=str(tmp_path), target="/data"),)
    before = mounts()
    script = "echo go; read line </data/fifo; ls /data/place; grep -c /data /proc/mounts"
    os.mkfifo(tmp_path / "fifo")
    async with stage.started(script, volumes=volumes) as container:
        assert await read_line(container.stdout) == "go"
        assert mounts() == before
        subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
        try:
            (place / "canary").write_text("host")
            (tmp_path / "fifo").write_text("\n")
            ended = await end_of(container)
        finally:
            subprocess.run(["umount", place], check=True)
    assert ended.stdout == b"1\n"


async def test_a_busy_root_is_taken_down(stage: Stage, baseline: None) -> None:
    """Open files, working directories and running programs of the root hold nothing up."""
    script = """
        mkdir /deep; cd /deep; cp /bin/busybox /deep/sleep; exec 5>/deep/open
        /deep/sleep 1000 & echo go; read line
    """
    with trio.fail_after(10):
        async with stage.started(script) as container:
            assert await read_line(container.stdout) == "go"
