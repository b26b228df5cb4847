"""The guest is what the tests beside this one take it for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.leaks import cgroup_mounts

TOP = Path(__file__).parents[3]


def test_systemd_is_the_first_process() -> None:
    """PID 1 is systemd, and it has brought the machine up without a failed unit."""
    assert Path("/proc/1/comm").read_text() == "systemd\n"
    command = ["systemctl", "list-units", "--failed", "--plain", "--no-legend"]
    failed = subprocess.run(command, check=True, capture_output=True, text=True)
    assert failed.stdout == ""


def test_there_is_cgroup_v2_and_nothing_else() -> None:
    """The only hierarchy is v2, mounted where systemd mounts it."""
    assert [(mount.point, mount.kind) for mount in cgroup_mounts()] == [
        (Path("/sys/fs/cgroup"), "cgroup2")
    ]


def test_the_command_runs() -> None:
    """The clone's own program works with the guest's Python libraries."""
    command = [sys.executable, "-m", "supervisor", "check", str(TOP / "examples/jobs.toml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
