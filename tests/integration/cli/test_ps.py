"""`pocker ps`: containers in Docker's columns and in Docker's order."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_each_is_an_object_on_a_line_of_its_own(pocker: Pocker) -> None:
    """With Docker's names, which a template may name as well; nothing where there is nothing."""
    assert pocker.ask("ps", "-a", "--format", "json") == ""
    for name in ("one", "two"):
        pocker.stdout("create", "--name", name, "host", "true")
    two, one = (
        json.loads(line) for line in pocker.ask("ps", "-a", "--format", "json").splitlines()
    )
    assert (two["Names"], one["Names"], one["State"]) == ("two", "one", "created")
    assert pocker.json("ps", "-a") == [two, one]
    assert pocker.ask("ps", "-l", "--format", "{{json .}}") == f"{json.dumps(two)}\n"


def test_filters_by_others_and_by_what_they_have(pocker: Pocker, tmp_path: Path) -> None:
    """Since and before another one, which has to be there; volumes by name, source and target."""
    for name, options in {
        "one": ("-v", "data:/in"), "two": ("--network", "host"), "three": ("-v", f"{tmp_path}:/t"),
    }.items():  # fmt: skip
        pocker.stdout("create", "--name", name, *options, "host", "true")

    def names(*filters: str) -> list[str]:
        options = [word for each in filters for word in ("--filter", each)]
        return pocker.ask("ps", "-a", "--format", "{{.Names}}", *options).split()

    assert names("since=one") == ["three", "two"]
    assert names("before=three", "since=one") == ["two"]
    assert names("before=one") == []
    assert names("volume=data") == names("volume=/in") == ["one"]
    assert names(f"volume={tmp_path}") == ["three"]
    assert names("network=host") == ["two"]
    assert names("name=^t", "network=none") == ["three"]
    for wrong, message in {
        "since=oen": 'no such container: oen; did you mean "one"?',
        "status=runing": "invalid filter 'status=runing'; did you mean \"running\"?",
        "exited=x": "invalid filter 'exited=x'",
    }.items():
        refused = pocker.run("ps", "--filter", wrong)
        assert (refused.returncode, refused.stderr) == (1, f"pocker: {message}\n")


def test_how_much_they_have_written(pocker: Pocker, busybox: Path, root_archive: str) -> None:
    """Only where it is asked for; with the image's where the store has that."""
    pocker.stdout("import", root_archive, "box")
    script = "head -c 1200000 /dev/zero >/big"
    for name, image in (("stored", "box"), ("loose", str(busybox))):
        pocker.stdout("run", "-d", "--name", name, image, "sh", "-c", script)
        pocker.stdout("wait", name)
    pocker.stdout("tag", "box", "other:1")
    for image in ("box", "box:latest", "other:1", "docker.io/library/box"):
        listed = pocker.ask("ps", "-a", "--filter", f"ancestor={image}", "--format", "{{.Names}}")
        assert listed == "stored\n"
    assert pocker.ask("ps", "-aq", "--filter", "ancestor=absent") == ""
    header, loose, stored = pocker.ask("ps", "-as").splitlines()
    assert header.split()[-1] == "SIZE"
    assert loose.split()[-1] == "1.2MB"
    assert "1.2MB (virtual " in stored
    sizes = pocker.ask("ps", "-a", "--format", "{{.Names}} {{.Size}}").splitlines()
    assert sizes[0] == "loose 1.2MB"
    assert stored.endswith(sizes[1].removeprefix("stored"))
    assert "SIZE" not in pocker.ask("ps", "-a")
