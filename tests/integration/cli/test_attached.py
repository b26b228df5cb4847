"""A second `up` of the same file shows what the first one does, and changes nothing."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from attrs import define

from tests.integration.cli.pocker import Pocker, finish, read_until
from tests.integration.faults.scene import running, wait_until

pytestmark = pytest.mark.root

TEXT = """
[defaults]
image = "host"
volumes = ["{go}:/go"]
[jobs.talks]
command = "until test -e /go/go; do sleep 0.05; done; echo at last; exit 3"
[jobs.waits]
command = "true"
depends_on = ["talks"]
"""


@define
class Scene:
    """A supervisor whose first job waits for a file, and a second `up` that has attached to it."""

    first: subprocess.Popen[str]
    second: subprocess.Popen[str]
    said: str
    """What the second has said first."""
    _go: Path

    def go(self) -> None:
        """Let the job go on to its end."""
        self._go.touch()


@pytest.fixture
def scene(pocker: Pocker) -> Scene:
    """Give one with a job that runs."""
    go = pocker.top / "go"
    go.mkdir()
    file = pocker.file(TEXT.format(go=go))
    first = pocker.start("up", file)
    wait_until(pocker, running("talks"))
    second = pocker.start("up", file)
    assert second.stderr is not None
    return Scene(first, second, second.stderr.readline(), go / "go")


def test_a_second_up_attaches(pocker: Pocker, scene: Scene) -> None:
    """It shows the output from now on, ends with the first one, and returns the same code."""
    assert scene.said == f"pocker: attached to the supervisor with pid {scene.first.pid}\n"
    scene.go()
    assert "talks | at last" in read_until(scene.second, "talks | at last")
    code, _, summary = finish(scene.second)
    assert code == 1
    assert "talks  failed   Error    3" in summary
    assert finish(scene.first)[0] == 1
    assert len(pocker.json("history")) == 2


def test_leaving_changes_nothing(pocker: Pocker, scene: Scene) -> None:
    """Ctrl-C ends the view and not the jobs."""
    scene.second.send_signal(signal.SIGINT)
    assert finish(scene.second)[0] in (130, -signal.SIGINT)
    assert wait_until(pocker, running("talks"))
    scene.go()
    assert finish(scene.first)[0] == 1
