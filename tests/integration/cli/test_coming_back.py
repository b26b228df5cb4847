"""Containers that come back with the next supervisor, as after a boot."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import PATIENCE, Pocker, wait_until

pytestmark = pytest.mark.root

SLEEPS = ("host", "sleep", "1000")


def states(pocker: Pocker) -> dict[str, str]:
    """The states of all containers by name."""
    return {row["name"]: row["state"] for row in pocker.json("ps", "-a")}


def test_what_is_always_restarted_comes_back(pocker: Pocker) -> None:
    """Also out of a pause; neither what somebody has stopped, nor what has another policy."""
    for name in ("always", "stopped"):
        pocker.stdout("run", "-d", "--name", name, "--restart", "always", *SLEEPS)
    pocker.stdout("run", "-d", "--name", "unless", "--restart", "unless-stopped", *SLEEPS)
    pocker.stdout("run", "-d", "--name", "failure", "--restart", "on-failure", *SLEEPS)
    pocker.stdout("run", "-d", "--name", "plain", *SLEEPS)
    pocker.stdout("run", "-d", "--name", "fails", "--restart", "always", "host", "false")
    pocker.stdout("stop", "-t", "0", "stopped")
    wait_until(lambda: states(pocker)["fails"] == "backoff")
    pid = holder(pocker.directories.detached.state)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    wait_until(partial(lambda pid: holder(pocker.directories.detached.state) != pid, pid))
    assert not {"running", "backoff"} & {*states(pocker).values()}
    serve = pocker.start("serve")
    wait_until(lambda: states(pocker)["always"] == "running")
    wait_until(lambda: states(pocker)["unless"] == "running")
    wait_until(lambda: states(pocker)["fails"] == "backoff")
    found = states(pocker)
    assert {found[name] for name in ("stopped", "failure", "plain")} == {"cancelled"}
    serve.terminate()
    assert serve.wait(PATIENCE) == 128 + signal.SIGTERM
