"""Jobs that are tested while they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish
from tests.integration.faults.scene import events, kill, running, start, wait_until

pytestmark = pytest.mark.root

SERVER = """\
[jobs.server]
image = "host"
command = "echo up; sleep 60"
volumes = ["./shared:/shared"]
healthcheck = {{ test = {test}, interval = "100ms", retries = 2, timeout = "2s" }}
"""
CLIENT = """\
[jobs.client]
image = "host"
command = "echo served > /shared/served"
volumes = ["./shared:/shared"]
depends_on = { server = { condition = "service_healthy" } }
"""


@pytest.fixture
def shared(pocker: Pocker) -> Path:
    """A directory that jobs and test share."""
    directory = pocker.top / "shared"
    directory.mkdir()
    return directory


def health(pocker: Pocker) -> list[str]:
    """What the events say of health, oldest first."""
    return [event["detail"] for event in events(pocker) if event["kind"] == "health"]


def test_a_dependant_begins_when_the_job_is_healthy(pocker: Pocker, shared: Path) -> None:
    """Not when it has started; each change is told with what the test printed."""
    test = '"ls /shared/ready && test $(id -u) = 7"'
    text = SERVER.format(test=test) + 'user = "7"\n' + CLIENT
    process = start(pocker, text)
    wait_until(pocker, lambda _: len(health(pocker)) == 2)
    assert pocker.states() == {"server": "running", "client": "pending"}
    assert "running (unhealthy)" in pocker.ask("ps")
    (shared / "ready").touch()
    wait_until(pocker, lambda rows: rows["client"].run.state == "succeeded")
    assert (shared / "served").read_text() == "served\n"
    (row,) = pocker.json("ps")
    assert (row["state"], row["health"]) == ("running", "healthy")
    process.terminate()
    finish(process)
    said = health(pocker)
    assert said[0] == "starting"
    assert said[1].startswith("unhealthy: ")
    assert "/shared/ready" in said[1]
    assert said[2:] == ["healthy: /shared/ready"]


def test_one_that_ends_first_has_its_dependants_skipped(pocker: Pocker) -> None:
    """It succeeded, but it was never healthy."""
    text = SERVER.format(test='["CMD", "false"]').replace("sleep 60", "sleep 0.5") + CLIENT
    (pocker.top / "shared").mkdir()
    assert pocker.run("up", pocker.file(text)).returncode == 1
    rows = {row["job"]: row for row in pocker.json("ps", "-a")}
    assert rows["server"]["state"] == "succeeded"
    assert rows["client"]["detail"] == ("client <- server: never healthy: Completed, exit code 0")


def test_a_test_that_hangs_is_killed_and_has_failed(pocker: Pocker, shared: Path) -> None:
    """Whatever it prints, and whatever signals it ignores."""
    test = """["CMD-SHELL", "trap '' TERM INT; yes"]"""
    text = SERVER.format(test=test).replace('"2s"', '"200ms"')
    process = start(pocker, text)
    wait_until(pocker, lambda _: len(health(pocker)) == 2)
    assert health(pocker)[1].startswith("unhealthy: the test took longer than 0.2 s; y\ny\n")
    process.terminate()
    finish(process)


def test_health_outlives_the_supervisor(pocker: Pocker, shared: Path) -> None:
    """The next one goes on testing, and what it has known is no news."""
    text = SERVER.format(test='"test ! -e /shared/ill"')
    first = start(pocker, text)
    wait_until(pocker, lambda _: health(pocker) == ["starting", "healthy"])
    kill(first)
    second = start(pocker, text)
    (shared / "ill").touch()
    wait_until(pocker, lambda _: len(health(pocker)) == 3)
    assert health(pocker) == ["starting", "healthy", "unhealthy"]
    assert running("server")(wait_until(pocker, lambda _: True))
    second.terminate()
    finish(second)
