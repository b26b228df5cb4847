"""A second `up` of the same file shows what the first one does, and changes nothing."""

from __future__ import annotations

import pytest

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


def test_a_second_up_attaches(pocker: Pocker) -> None:
    """It shows the output from now on, ends with the first one, and returns the same code."""
    go = pocker.top / "go"
    go.mkdir()
    file = pocker.file(TEXT.format(go=go))
    first = pocker.start("up", file)
    wait_until(pocker, running("talks"))
    second = pocker.start("up", file)
    assert second.stderr is not None
    assert second.stderr.readline() == (
        f"pocker: attached to the supervisor with pid {first.pid}\n"
    )
    (go / "go").touch()
    assert "talks | at last" in read_until(second, "talks | at last")
    code, _, summary = finish(second)
    assert code == 1
    assert "talks  failed   Error    3" in summary
    assert finish(first)[0] == 1
    assert len(pocker.json("history")) == 2


def test_leaving_changes_nothing(pocker: Pocker) -> None:
    """Ctrl-C ends the view and not the jobs."""
    go = pocker.top / "go"
    go.mkdir()
    file = pocker.file(TEXT.format(go=go))
    first = pocker.start("up", file)
    wait_until(pocker, running("talks"))
    second = pocker.start("up", file)
    assert second.stderr is not None
    second.stderr.readline()
    second.send_signal(2)
    assert finish(second)[0] in (130, -2)
    assert wait_until(pocker, running("talks"))
    (go / "go").touch()
    assert finish(first)[0] == 1
