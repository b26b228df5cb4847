"""`pocker ps`: containers in Docker's columns and in Docker's order."""

from __future__ import annotations

import pytest

from tests.integration.cli.pocker import Pocker

pytestmark = pytest.mark.root

COLUMNS = ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]


def test_without_any_container_there_are_dockers_columns(pocker: Pocker) -> None:
    """Whoever has never called `up` is not shown the columns of its jobs."""
    assert pocker.ask("ps").split() == COLUMNS


def test_the_newest_is_the_first(pocker: Pocker) -> None:
    """Also of ids alone; the newest few can be asked for, whether they run or not."""
    for name in ("one", "two", "three"):
        pocker.stdout("create", "--name", name, "host", "true")
    names = ("ps", "--format", "{{.Names}}")
    assert pocker.ask(*names, "-a").split() == ["three", "two", "one"]
    assert pocker.ask(*names, "-n", "2").split() == ["three", "two"]
    assert pocker.ask(*names, "-l").split() == ["three"]
    assert pocker.ask("ps", "-q", "-l") == pocker.ask("ps", "-aq").splitlines()[0] + "\n"
    table = pocker.ask("ps", "-a", "--format", r"table {{.Names}}\t{{.ID}}").splitlines()
    assert table[0].split("  ") == ["NAMES", "CONTAINER ID"]
    assert [line.split()[0] for line in table[1:]] == ["three", "two", "one"]
