"""A container that has filled the disk: it can be taken away, which makes room again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, wait_until

pytestmark = pytest.mark.root


@pytest.fixture
def small_disk(pocker: Pocker) -> Iterator[Path]:
    """Put the state directory on a file system of its own, of eight megabytes."""
    state = Path(pocker.directories.state)
    state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", state], check=True)
    yield state
    pocker.close()
    # Its last user may have let go of all but its directory.
    wait_until(lambda: subprocess.run(["umount", state], check=False).returncode == 0)


def test_one_that_fills_the_disk_can_be_removed(
    pocker: Pocker, small_disk: Path, root_archive: str
) -> None:
    """Where not even its supervisor can write down that it ends; the others are found again."""
    pocker.stdout("import", root_archive, "busybox")
    script = "while [ ! -e /go ]; do sleep 0.05; done; cat /dev/zero >/big; exec sleep 1000"
    pocker.stdout("run", "-d", "--name", "other", "busybox", "sleep", "1000")
    pocker.stdout("run", "-d", "--name", "big", "busybox", "sh", "-c", script)
    pocker.stdout("exec", "big", "touch", "/go")
    own = pocker.directories.detached
    # Its first process writes until nothing is left.
    wait_until(lambda: "sleep 1000" in pocker.run("top", "big").stdout.splitlines()[-1])
    refused = pocker.run("stop", "-t", "0", "big")
    assert "disk is full" in refused.stderr
    wait_until(lambda: holder(own.state) is None)
    assert pocker.run("rm", "-f", "big").stderr == ""
    assert [row["name"] for row in pocker.json("ps", "-a")] == ["other"]
    assert pocker.stdout("exec", "other", "echo", "still here") == "still here\n"
    pocker.stdout("rm", "-f", "other")
