"""How a service begins and ends: with the machine, in order, and with what its jobs came to."""

from __future__ import annotations

import time
from pathlib import Path

from tests.lab.systemd.service import ONE, SERVICE, Service, run

ORDERED = """\
name = "test"
[defaults]
image = "host"
volumes = ["{top}:/data"]
stop_grace_period = "60s"
[jobs.database]
command = "trap 'sleep 8; echo database >> /data/order; exit 0' TERM; while :; do sleep 0.2; done"
[jobs.server]
command = "trap 'echo server >> /data/order; exit 0' TERM; while :; do sleep 0.2; done"
depends_on = {{ database = {{ condition = "service_started" }} }}
"""
IMPATIENT = "[Service]\nTimeoutStopSec=6s\n"


def test_it_starts_with_the_machine(service: Service) -> None:
    """What the machine brings up at boot brings the service up, with all that it needs."""
    service.install()
    service.systemctl("stop", SERVICE)
    assert service.show("ActiveState") == "inactive"
    service.systemctl("start", "multi-user.target")
    service.wait_for("ActiveState", "active")
    assert set(service.processes()) == {"stays"}


def test_a_stop_is_ordered_and_given_its_time(service: Service, tmp_path: Path) -> None:
    """A server ends before its database, which takes longer than systemd would wait in silence."""
    drop_in = Path("/run/systemd/system/pocker.service.d/impatient.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(IMPATIENT)
    service.install(ORDERED.format(top=tmp_path))
    service.wait_for("StatusText", "2 running, 0 waiting, 0 failed")
    before = time.monotonic()
    service.systemctl("stop", SERVICE)
    drop_in.unlink()
    assert 8 < time.monotonic() - before < 60
    assert (tmp_path / "order").read_text() == "server\ndatabase\n"
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "143")
    assert set(service.states().values()) == {"cancelled"}
    assert not Path("/run/pocker/control.sock").exists()


def test_the_end_of_all_jobs_is_that_of_the_service(service: Service) -> None:
    """It is not begun again, not even by somebody who asks for it: its socket has gone."""
    service.install('name = "test"\n[jobs.a]\nimage = "host"\ncommand = "sleep 2; exit 3"\n')
    service.wait_for("ActiveState", "failed")
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("exit-code", "1")
    service.wait_for("ActiveState", "inactive", "pocker.socket")
    assert service.states() == {"a": "failed"}
    assert service.show("NRestarts") == "0"


def test_lines_in_the_journal_have_fields(service: Service) -> None:
    """Those of the supervisor can be found by job and outcome, and a job's output as well."""
    service.install(
        'name = "test"\n[jobs.journalled]\nimage = "host"\nlog.driver = "journald"\n'
        'command = "echo hello; exit 3"\n'
    )
    service.wait_for("ActiveState", "failed")
    (ended,) = [
        entry
        for entry in service.journal("JOB=journalled", "REASON=Error")
        if entry["MESSAGE"].startswith("job ended")
    ]
    assert (ended["ATTEMPT"], ended["CODE"], ended["PRIORITY"]) == ("1", "3", "6")
    assert ended["RUN"].isdigit()
    assert ended["SYSLOG_IDENTIFIER"] == "pocker"
    (line,) = service.journal("POCKER_JOB=journalled")
    assert (line["MESSAGE"], line["POCKER_RUN"]) == ("hello", ended["RUN"])


def test_uninstall_leaves_nothing_running(service: Service) -> None:
    """No unit, no job, no control group; the history is still there."""
    service.install()
    service.pocker("systemd", "uninstall")
    assert run("systemctl", "cat", SERVICE).returncode != 0
    assert not Path("/sys/fs/cgroup/pocker.slice/pocker-jobs.service").exists()
    assert service.states() == {"stays": "cancelled"}


def test_a_service_of_the_users_own_manager(tmp_path: Path) -> None:
    """With lingering it needs no login; its jobs outlive it as those of the machine's do."""
    service = Service(file=tmp_path / "jobs.toml", is_user=True)
    try:
        run("loginctl", "enable-linger", "root")
        run("systemctl", "start", "user@0.service")  # as lingering does it, and waits for it
        service.install(ONE)
        job = service.processes()
        service.systemctl("kill", "--signal=KILL", SERVICE)
        service.wait_for("ActiveState", "active")
        service.systemctl("restart", SERVICE)
        assert service.processes() == job
        service.systemctl("stop", SERVICE)
        assert service.states() == {"stays": "cancelled"}
    finally:
        service.close()
        run("loginctl", "disable-linger", "root")
        run("systemctl", "stop", "user@0.service")
