"""The service that looks after the containers of `run -d`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.lab.systemd.service import STAYS, Service, wait_until

UNIT = "pocker-containers.service"


@pytest.fixture
def installed(service: Service) -> Iterator[Service]:
    """Give a machine whose containers are looked after by a service, from the first one on."""
    service.pocker(
        "run", "-d", "--name", "web", "--restart", "always", "--cap-add", "SYS_TIME", "host",
        "sh", "-c", STAYS,
    )  # fmt: skip
    service.pocker("systemd", "install", "--containers", "--now")
    yield service
    service.pocker("rm", "-f", "web")
    service.pocker("systemd", "uninstall", "--containers")


def pids(service: Service) -> Mapping[str, int]:
    """The first process of each container that runs."""
    lines = service.pocker("ps", "--format", "json").splitlines()
    return {row["name"]: row["pid"] for row in map(json.loads, lines) if row["pid"]}


def test_containers_outlive_a_restart_and_come_back_after_a_stop(installed: Service) -> None:
    """Those that a supervisor of somebody's shell had made are taken up first."""
    installed.wait_for("ActiveState", "active", UNIT)
    wait_until(lambda: set(pids(installed)) == {"web"})
    before = pids(installed)
    installed.systemctl("restart", UNIT)
    wait_until(lambda: pids(installed) == before)
    assert installed.show("Result", UNIT) == "success"
    installed.systemctl("stop", UNIT)
    assert pids(installed) == {}
    assert installed.show("Result", UNIT) == "success"
    installed.systemctl("start", "multi-user.target")
    wait_until(lambda: set(pids(installed)) == {"web"})
    assert pids(installed) != before
