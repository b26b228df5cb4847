"""A supervisor that is killed while the file changes: the next one follows the new file."""

from __future__ import annotations

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until
from tests.integration.faults.scene import (
    events,
    in_state,
    inspect,
    kill,
    running,
    start,
    wait_until,
)

pytestmark = pytest.mark.root

STUBBORN = "trap 'echo heard' TERM; echo up; while :; do sleep 0.05; done"
OLD = f"""
[defaults]
image = "host"
stop_grace_period = "1s"
[jobs.kept]
command = "exec sleep 60"
[jobs.web]
command = "{STUBBORN}"
restart = "always"
[jobs.gone]
command = "{STUBBORN}"
"""
NEW = """
[defaults]
image = "host"
stop_grace_period = "1s"
[jobs.kept]
command = "exec sleep 60"
[jobs.web]
command = "echo new; exec sleep 60"
restart = "always"
[jobs.fresh]
command = "exec sleep 60"
"""


def test_a_reload_that_was_cut_short_is_finished(pocker: Pocker) -> None:
    """What was begun by it is taken up, what was being ended by it is ended, and no more."""
    first = start(pocker, OLD)
    kept = wait_until(pocker, running("kept", "web", "gone"))["kept"].attempt
    file = pocker.file(NEW)
    assert pocker.run("reload").returncode == 0
    wait_until(pocker, in_state("stopping", "web", "gone"))
    wait_until(pocker, running("fresh"))
    kill(first)
    second = pocker.start("up", file)
    read_until(second, "web   | new")
    rows = wait_until(pocker, in_state("cancelled", "gone"))
    assert rows["kept"].attempt == kept
    web = inspect(pocker, "web")["runs"][-1]["attempts"]
    assert [(attempt["reason"], attempt["detail"]) for attempt in web] == [
        ("Cancelled", "killed by SIGKILL; stopped for its new definition"),
        (None, ""),
    ]
    assert len(inspect(pocker, "fresh")["runs"][-1]["attempts"]) == 1
    pocker.run("down")
    finish(second)


def test_a_file_that_changes_while_nobody_looks_is_followed(pocker: Pocker) -> None:
    """A service that was adopted is made anew where it was made of another definition."""
    first = start(pocker, OLD)
    before = wait_until(pocker, running("kept", "web", "gone"))
    kill(first)
    second = start(pocker, NEW)
    read_until(second, "web   | new")
    rows = wait_until(pocker, in_state("cancelled", "gone"))
    assert rows["kept"].attempt == before["kept"].attempt
    assert rows["web"].run.id == before["web"].run.id
    pocker.run("down")
    finish(second)


def test_a_file_that_is_the_same_leaves_services_alone(pocker: Pocker) -> None:
    """An adopted service keeps its process, also under another restart policy."""
    first = start(pocker, OLD)
    before = wait_until(pocker, running("web"))["web"].attempt
    kill(first)
    second = start(pocker, OLD.replace('"always"', '"unless-stopped"'))
    wait_until(
        pocker, lambda _: any("attempt 1 adopted" in event["detail"] for event in events(pocker))
    )
    assert pocker.stdout("reload") == "no job has changed\n"
    assert wait_until(pocker, running("web"))["web"].attempt == before
    pocker.run("down", "--now")
    finish(second)
