"""Row 10: reading job files is bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from runtime.errors import ContainerError
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

GHOST = "ghost:x:0:0::/:\n"


def out_by_link(path: Path, host: Path) -> None:
    """A link to a file of the host."""
    host.write_text(GHOST)
    path.symlink_to(host)


def out_by_climbing(path: Path, host: Path) -> None:
    """The same by its relative name."""
    host.write_text(GHOST)
    path.symlink_to("../" * 20 + str(host).lstrip("/"))


def out_by_proc(path: Path, host: Path) -> None:
    """The same through the links of the host's own /proc."""
    host.write_text(GHOST)
    path.symlink_to(f"/proc/1/root{host}")


def a_fifo(path: Path, host: Path) -> None:
    """Whoever opens it for reading waits for a writer."""
    os.mkfifo(path)


def an_endless_device(path: Path, host: Path) -> None:
    """Whoever reads it never comes to an end."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def a_terminal(path: Path, host: Path) -> None:
    """Whoever opens it may get it as controlling terminal, and waits for its line."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(5, 0))


def a_gigabyte(path: Path, host: Path) -> None:
    """Sparse, so it costs an image nothing."""
    path.touch()
    os.truncate(path, 1 << 30)


def a_loop(path: Path, host: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


@pytest.mark.parametrize("name", ["passwd", "group"])
@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (out_by_link, "no (user|group) 'ghost'"),
        (out_by_climbing, "no (user|group) 'ghost'"),
        (out_by_proc, "no (user|group) 'ghost'"),
        (a_fifo, "not a regular file"),
        (an_endless_device, "not a regular file"),
        (a_terminal, "not a regular file"),
        (a_gigabyte, "larger than 1048576 bytes"),
        (a_loop, "too many levels of symbolic links"),
    ],
)
async def test_a_hostile_file_is_an_error_at_once(
    stage: Stage,
    image: Path,
    tmp_path: Path,
    *,
    hostile: Callable[[Path, Path], None],
    message: str,
    name: str,
) -> None:
    """Whatever is in the place of the files that tell users and groups."""
    path = image / "etc" / name
    hostile(path, tmp_path / "host-file")
    user = "ghost" if name == "passwd" else "0:ghost"
    with trio.fail_after(5), pytest.raises(ContainerError, match=message):
        await stage.run("true", user=user)


async def test_the_container_itself_may_have_such_files(stage: Stage, image: Path) -> None:
    """Only what the supervisor reads is judged."""
    os.mkfifo(image / "etc/shadow")
    (image / "etc/motd").symlink_to("/proc/1/root")
    assert (await stage.run("true")).code == 0
