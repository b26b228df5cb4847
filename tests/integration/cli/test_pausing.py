"""`pocker pause`: a container stands still, and nobody who asks for something else has to."""

from __future__ import annotations

import pytest

from tests.integration.cli.pocker import Pocker, wait_until

pytestmark = pytest.mark.root


def health(pocker: Pocker) -> str:
    """What its tests say of the container `still`."""
    return pocker.stdout("inspect", "-f", "{{.State.Health.Status}}", "still").strip()


def test_a_paused_container_keeps_nobody_waiting(pocker: Pocker) -> None:
    """No test of its health is due, so its supervisor answers; `exec` says why it cannot be."""
    tested = ("--health-cmd", "true", "--health-interval", "50ms")
    pocker.stdout("run", "-d", "--name", "still", *tested, "host", "sleep", "1000")
    wait_until(lambda: health(pocker) == "healthy")
    pocker.stdout("pause", "still")
    # Its start takes longer than the pause between two tests.
    pocker.stdout("run", "-d", "--name", "other", "host", "sleep", "1000")
    refused = pocker.run("exec", "still", "true")
    assert refused.returncode != 0
    assert refused.stderr.endswith("is paused: unpause it first\n")
    pocker.stdout("unpause", "still")
    pocker.stdout("exec", "still", "true")
    assert health(pocker) == "healthy"
