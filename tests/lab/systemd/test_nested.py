"""A job that is a machine of its own: systemd is its first process and divides its group."""

from __future__ import annotations

import sys

from tests.lab.systemd.service import GROUPS, Service, group_of, run, wait_until

MACHINE = """\
name = "test"
[jobs.machine]
image = "host"
command = ["/usr/lib/systemd/systemd", "--unit=local-fs-pre.target"]
environment = { container = "pocker" }
init = false
cgroup = "private-rw"
tmpfs = ["/run", "/run/lock", "/tmp"]
pids_limit = 200
memory = "200m"
stop_signal = "SIGRTMIN+3"
"""


def test_systemd_runs_in_a_job(service: Service) -> None:
    """It divides the job's group, starts its services there, and ends when it is told to."""
    service.install(MACHINE)
    service.wait_for("StatusText", "1 running, 0 waiting, 0 failed")
    inside = (sys.executable, "-m", "supervisor", "exec", "machine", "systemctl")
    wait_until(lambda: run(*inside, "is-active", "local-fs-pre.target").stdout == "active\n")
    first = GROUPS / group_of(service.processes()["machine"]).lstrip("/")
    assert first.name == "init.scope"
    options = ("--unit=mine", "--property=DefaultDependencies=no")
    service.pocker("exec", "machine", "systemd-run", *options, "sleep", "1000")
    assert (first.parent / "system.slice/mine.service/cgroup.procs").read_text() != ""
    service.pocker("stop", "machine")
    service.wait_for("MainPID", "0")
    assert service.states() == {"machine": "cancelled"}
    assert not first.parent.exists()
