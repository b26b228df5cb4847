"""Jobs whose control groups lie where a service manager wants them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups import Cgroups
from tests.integration.systemd.conftest import Manager
from tests.integration.systemd.test_notification import ONE, adopted

pytestmark = pytest.mark.root


@pytest.fixture
def place(leak_check: None) -> Iterator[Path]:
    """Name a v2 group that is not there, and take it away when its supervisor has gone."""
    layout = Cgroups.open().layout
    if layout.v2 is None:
        pytest.skip("needs cgroup v2")
    path = Path(layout.v2.mount_point, f"pocker-test-{os.getpid()}")
    yield path
    if path.exists():
        path.rmdir()


def test_jobs_are_in_the_group_that_was_asked_for(place: Path, manager: Manager) -> None:
    """It is made where it is missing, and the supervisor stays where it is."""
    process = manager.start("--cgroup", f"/{place.name}", manager.pocker.file(ONE))
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    pid = adopted(manager)["stays"]
    assert f"0::/{place.name}/pocker/" in Path(f"/proc/{pid}/cgroup").read_text()
    assert place.name not in Path(f"/proc/{process.pid}/cgroup").read_text()
    process.send_signal(signal.SIGTERM)
    assert manager.finish(process) == 143
    assert [path for path in place.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("group", "cause"),
    [
        ("/", "this process itself is in"),
        ("/absent/absent", "No such file or directory"),
        ("/cgroup.procs", "is no cgroup"),
    ],
)
def test_a_group_that_cannot_be_had_is_named(manager: Manager, group: str, cause: str) -> None:
    """Nothing is started elsewhere instead."""
    ended = manager.pocker.run("up", "--cgroup", group, manager.pocker.file(ONE))
    assert ended.returncode == 125
    assert f"use cgroup {group}: " in ended.stderr
    assert cause.lower() in ended.stderr.lower()
