"""`pocker wait`: exit codes as Docker tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until, wait_until

pytestmark = pytest.mark.root


def test_a_code_for_each_in_the_order_of_the_names(pocker: Pocker) -> None:
    """One that is not there is told in the end; one that was never started has 0, as in Docker."""
    pocker.stdout("create", "--name", "new", "host", "true")
    pocker.stdout("run", "-d", "--name", "done", "host", "sh", "-c", "exit 3")
    pocker.stdout("run", "-d", "--name", "long", "host", "sleep", "1000")
    waiting = pocker.start("wait", "done", "absent", "long", "new")
    read_until(waiting, "3")
    pocker.stdout("kill", "long")
    refusal = "pocker: no such container: absent\n"
    assert finish(waiting) == (1, ["137", "0"], refusal)
    assert pocker.stdout("wait", "long", "done") == "137\n3\n"


def test_one_that_goes_when_it_has_ended(pocker: Pocker, tmp_path: Path) -> None:
    """Its code is known although nothing is left of it, also where it goes before its turn."""
    pocker.stdout("create", "--name", "new", "host", "true")
    for name in ("a", "b"):
        script = f"until [ -e /go/{name} ]; do sleep 0.05; done; exit 5"
        words = ("--name", name, "-v", f"{tmp_path}:/go", "host", "sh", "-c", script)
        pocker.stdout("run", "-d", "--rm", *words)
    waiting = pocker.start("wait", "new", "a", "b")
    read_until(waiting, "0")
    (tmp_path / "b").touch()
    wait_until(lambda: pocker.json("ps", "-a", "--filter", "name=b") == [])
    (tmp_path / "a").touch()
    assert finish(waiting) == (0, ["5", "5"], "")
