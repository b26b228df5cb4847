"""What the host mounts while a container runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.security.bounding import bounding_set
from runtime.spec import Volume
from tests.integration.container.stage import Stage, read_line

pytestmark = pytest.mark.root


@contextmanager
def mounted(path: Path) -> Iterator[Path]:
    """A file system in memory with one file."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "test", path], check=True)
    try:
        (path / "file").write_text(f"{path.name}\n")
        yield path
    finally:
        subprocess.run(["umount", "-R", path], check=True)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A mount that passes on what is mounted below it."""
    with mounted(tmp_path / "shared") as path:
        subprocess.run(["mount", "--make-shared", path], check=True)
        yield path


@pytest.mark.parametrize("read_only", [False, True])
async def test_what_is_mounted_later_is_seen_where_that_was_asked_for(
    stage: Stage, shared: Path, read_only: bool
) -> None:
    """It comes and goes, below this volume and no other one."""
    volumes = (
        Volume(source=str(shared), target="/followed", followed=True, read_only=read_only),
        Volume(source=str(shared), target="/private"),
        Volume(source=str(shared), target="/again", followed=True),
    )
    script = """
        grep -c master: /proc/self/mountinfo; touch /followed/new 2>/dev/null && echo written
        for path in followed again private; do cat /$path/later/file 2>/dev/null || echo none; done
        read line
        for path in followed again private; do cat /$path/later/file 2>/dev/null || echo none; done
        touch /followed/later/new && echo written
        read line
        cat /followed/later/file 2>/dev/null || echo none
    """
    async with stage.started(script, volumes=volumes, stdin=True) as container:
        assert await read_line(container.stdout) == "2"
        if not read_only:
            assert await read_line(container.stdout) == "written"
        for _ in volumes:
            assert await read_line(container.stdout) == "none"
        with mounted(shared / "later"):
            os.write(container.stdin, b"\n")
            # What is mounted later is not read-only, whatever the volume is.
            for expected in ("later", "later", "none", "written"):
                assert await read_line(container.stdout) == expected
        os.write(container.stdin, b"\n")
        assert await read_line(container.stdout) == "none"


async def test_nothing_is_passed_on_to_the_host(stage: Stage, shared: Path) -> None:
    """Whatever the container may do."""
    (shared / "inner").mkdir()
    volumes = (Volume(source=str(shared), target="/followed", followed=True),)
    script = (
        "mount -t tmpfs inner /followed/inner && touch /followed/inner/made && echo on; sleep 9"
    )
    rights = {"capabilities": bounding_set(), "seccomp": False}
    async with stage.started(script, volumes=volumes, **rights) as container:
        assert await read_line(container.stdout) == "on"
        assert list((shared / "inner").iterdir()) == []


async def test_a_mount_that_passes_nothing_on_is_refused(stage: Stage, tmp_path: Path) -> None:
    """Else nobody would learn that what was asked for does not happen."""
    with mounted(tmp_path / "a b") as path:
        subprocess.run(["mount", "--make-private", path], check=True)
        volume = Volume(source=f"{path}/file", target="/f", followed=True)
        with pytest.raises(StartError) as error:
            await stage.run("true", volumes=(volume,))
    assert str(error.value) == (
        f"volumes[0]: rslave: {path}/file is on the mount {path}, which is neither shared nor a "
        "slave and passes no mounts on"
    )
