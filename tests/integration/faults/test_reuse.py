"""The number of a container's process belongs to somebody else by the time it is looked at."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker
from tests.integration.cli.pocker import wait_until as wait_for
from tests.integration.faults.scene import kill, running, start, wait_until

pytestmark = pytest.mark.root

JOB = '[jobs.a]\nimage = "host"\ncommand = "echo first; sleep 60"\nstop_grace_period = "1s"\n'


def start_as(pid: int) -> subprocess.Popen[bytes]:
    """Start a process that has this number, which must be free."""
    last = Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(1000):
        last.write_text(str(pid - 1))
        process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        if process.pid == pid:
            return process
        process.kill()
        process.communicate()
    raise AssertionError(f"the kernel never gave out {pid}")


def test_another_process_is_not_taken_for_the_container(pocker: Pocker) -> None:
    """It is neither watched nor signalled nor killed, and the attempt's end is told as known."""
    first = start(pocker, JOB)
    (row,) = wait_until(pocker, running("a")).values()
    assert row.attempt is not None
    pid = row.attempt.pid
    assert pid is not None
    wait_for(lambda: pocker.ask("logs", "a") == "first\n")
    kill(first)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    with start_as(pid) as stranger:
        assert pocker.run("up", pocker.file(JOB)).returncode == 1
        (ended,) = pocker.json("ps", "-a")
        assert (ended["state"], ended["reason"]) in {("failed", "Error"), ("failed", "Lost")}
        assert pocker.ask("logs", "a") == "first\n"
        assert stranger.poll() is None
        stranger.communicate(b"")
        assert stranger.returncode == 0
