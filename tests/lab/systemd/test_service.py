"""A service of the real systemd: its jobs outlive whatever becomes of the supervisor."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.systemd.service import (
    GROUPS,
    ONE,
    SERVICE,
    UNITS,
    Service,
    group_of,
    output,
    run,
    wait_until,
)

NEW = ONE[ONE.index("[jobs.") :].replace("stays", "new")
WATCHED = "[Service]\nWatchdogSec=15s\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Install a service with a job that stays, for all tests of this module."""
    made = Service(file=tmp_path_factory.mktemp("service") / "jobs.toml")
    drop_in = Path("/run/systemd/system/pocker.service.d/watchdog.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(WATCHED)
    made.install()
    yield made
    made.close()
    drop_in.unlink()


@pytest.fixture
def service(installed: Service) -> Service:
    """Give it with its one job running, as each test leaves it."""
    wait_until(lambda: set(installed.processes()) == {"stays"})
    installed.wait_for("StatusText", "1 running, 0 waiting, 0 failed")
    return installed


def test_systemd_accepts_the_units(service: Service) -> None:
    """Those that were really installed, with everything that they refer to."""
    units = [Path("/etc/systemd/system", unit) for unit in UNITS]
    verified = run("systemd-analyze", "verify", *units)
    assert verified.returncode == 0
    assert "pocker" not in verified.stdout + verified.stderr


def test_jobs_and_supervisor_are_in_different_units(service: Service) -> None:
    """As systemd-cgls shows them, below one slice; the service has one process."""
    job = service.processes()["stays"]
    main = service.show("MainPID")
    assert group_of(job).startswith("/pocker.slice/pocker-jobs.service/pocker/test-stays-")
    assert (GROUPS / "pocker.slice/pocker.service/cgroup.procs").read_text().split() == [main]
    shown = output("systemd-cgls", "--no-pager", "--full", "/pocker.slice")
    assert "pocker-jobs.service" in shown
    assert "test-stays-" in shown


def test_a_restart_leaves_the_jobs_running(service: Service) -> None:
    """Another supervisor has the same job, the same socket, and nothing counts as failed."""
    job, main = service.processes(), service.show("MainPID")
    socket = os.stat("/run/pocker/control.sock").st_ino
    service.systemctl("restart", SERVICE)
    assert service.show("MainPID") != main
    assert service.processes() == job
    assert os.stat("/run/pocker/control.sock").st_ino == socket
    assert service.show("NRestarts") == "0"
    assert not service.journal("MESSAGE=pocker.service: Failed with result 'signal'.")


def test_a_kill_of_the_unit_leaves_the_jobs_running(service: Service) -> None:
    """What `systemctl kill` reaches is the whole unit, and that is the supervisor alone."""
    job, main = service.processes(), service.show("MainPID")
    service.systemctl("kill", "--signal=KILL", SERVICE)
    wait_until(lambda: service.show("MainPID") not in (main, "0"))
    service.wait_for("ActiveState", "active")
    assert service.processes() == job
    said = [str(entry["MESSAGE"]) for entry in service.journal("JOB=stays")]
    assert any(line.startswith("job adopted") for line in said)


def test_a_supervisor_that_is_stuck_is_replaced(service: Service) -> None:
    """The watchdog expires, since a stopped process feeds it no more; the job never notices."""
    job, main = service.processes(), service.show("MainPID")
    os.kill(int(main), signal.SIGSTOP)
    wait_until(lambda: service.show("MainPID") not in (main, "0"))
    service.wait_for("ActiveState", "active")
    assert service.processes() == job
    said = [str(entry["MESSAGE"]) for entry in service.journal()]
    assert any(line.startswith("pocker.service: Watchdog timeout") for line in said)


def test_a_reload_follows_the_file(service: Service) -> None:
    """A new job begins, a job that is gone is stopped, and the others are left alone."""
    job = service.processes()
    service.file.write_text(ONE + NEW)
    service.systemctl("reload", SERVICE)
    service.wait_for("StatusText", "2 running, 0 waiting, 0 failed")
    assert service.processes().items() >= job.items()
    service.file.write_text(ONE)
    service.systemctl("reload", SERVICE)
    service.wait_for("StatusText", "1 running, 0 waiting, 0 failed")
    assert service.processes() == job


def test_a_reload_of_a_file_with_mistakes_fails_and_changes_nothing(service: Service) -> None:
    """The command says so, the journal says why, and the service goes on as it did."""
    job, main = service.processes(), service.show("MainPID")
    service.file.write_text(ONE.replace("command", "comand"))
    reloaded = run("systemctl", "reload", SERVICE)
    service.file.write_text(ONE)
    assert reloaded.returncode != 0
    assert any("comand" in str(entry["MESSAGE"]) for entry in service.journal())
    service.wait_for("ActiveState", "active")
    assert (service.show("MainPID"), service.processes()) == (main, job)


def test_the_unit_of_the_jobs_cannot_be_restarted_by_mistake(service: Service) -> None:
    """As programs would do it that look for processes with an old library."""
    job = service.processes()
    refused = run("systemctl", "restart", "pocker-jobs.service")
    assert "Operation refused" in refused.stderr
    assert service.processes() == job


def test_systemd_may_be_loaded_anew(service: Service) -> None:
    """Its units are read again, and it executes itself again, under running jobs."""
    job, main = service.processes(), service.show("MainPID")
    service.systemctl("daemon-reload")
    service.systemctl("daemon-reexec")
    assert (service.show("MainPID"), service.processes()) == (main, job)
    service.systemctl("restart", SERVICE)
    assert service.processes() == job


def test_an_upgrade_writes_the_units_anew_under_running_jobs(service: Service) -> None:
    """Installing once more is what an administrator does after a new version has come."""
    job = service.processes()
    unit = Path("/etc/systemd/system/pocker.socket")
    text = unit.read_text()
    unit.write_text(f"{text}# of an older version\n")
    assert "outdated: pocker.socket" in service.pocker("systemd", "status")
    service.install()
    assert unit.read_text() == text
    assert service.processes() == job


def test_a_job_outlives_the_process_that_keeps_its_unit(service: Service) -> None:
    """Whoever kills that one ends neither the unit nor a job."""
    job = service.processes()
    os.kill(int(service.show("MainPID", "pocker-jobs.service")), signal.SIGKILL)
    service.wait_for("SubState", "exited", "pocker-jobs.service")
    service.systemctl("restart", SERVICE)
    assert service.processes() == job
