"""Volumes as users have them: made, shared, kept, and never taken from anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish, wait_until

pytestmark = pytest.mark.root


def test_a_volume_outlives_its_containers_and_none_loses_it(pocker: Pocker) -> None:
    """Written by one container, read by the next; it stays while anything may need it again."""
    run = ("run", "--rm", "-v", "data:/data")
    assert pocker.run(*run, "host", "sh", "-c", "echo kept > /data/file").returncode == 0
    reader = ("--mount", "source=data,target=/in,readonly", "host", "sh", "-c")
    assert (
        pocker.stdout("run", *reader, "cat /in/file; touch /in/x 2>/dev/null || true") == "kept\n"
    )
    pocker.stdout("create", "--name", "web", *reader, "true")
    file = pocker.file('[jobs.load]\nimage = "host"\ncommand = "read x"\nvolumes = ["own:/own"]')
    kept = pocker.run("volume", "rm", "data", "dta")
    assert kept.returncode == 1
    assert kept.stderr == (
        "pocker: volume data: is in use by container web;"
        ' no such volume: dta; did you mean "data"?\n'
    )
    assert pocker.run("up", file).returncode != 0  # it has nothing to read
    pocker.ask("volume", "create", "-l", "a=b", "more")
    (document,) = pocker.json_of("volume", "inspect", "more")
    assert (document["Labels"], document["Driver"]) == ({"a": "b"}, "local")
    assert pocker.ask("volume", "ls", "-q") == "data\nmore\nown\n"
    assert pocker.ask("volume", "ls", "-qf", "dangling=true") == "more\nown\n"
    assert pocker.run("volume", "prune", "-a").returncode == 1  # nobody is there to ask
    assert "Deleted: more\nDeleted: own\n" in pocker.ask("volume", "prune", "-af")
    images, containers, volumes = pocker.json("system", "df")
    assert (images["TotalCount"], containers["TotalCount"], containers["Active"]) == ("0", "1", "0")
    assert volumes["Reclaimable"] == "0B (0%)"
    verbose = [line.split() for line in pocker.ask("system", "df", "-v").splitlines()]
    assert ["web", "no", "0B"] in verbose
    assert ["data", "yes", "5B"] in verbose
    assert "Deleted: " in pocker.ask("system", "prune", "--volumes", "-f")
    assert "web" not in pocker.ask("ps", "-a")
    assert pocker.ask("volume", "rm", "data") == "data\n"
    assert pocker.ask("volume", "ls", "-q") == ""


def test_a_running_container_holds_its_volume(pocker: Pocker) -> None:
    """One in the foreground by its name, one of `up` by that of its job."""
    command = "echo up; exec sleep 1000"
    process = pocker.start(
        "run", "--name", "one", "--init", "-v", "data:/data", "host", "sh", "-c", command
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    refused = pocker.run("volume", "rm", "-f", "data")
    assert refused.stderr == "pocker: volume data: is in use by container one\n"
    process.terminate()
    assert finish(process)[0] == 128 + 15
    pocker.stdout("volume", "rm", "data")
    file = pocker.file(
        '[jobs.load]\nimage = "host"\ncommand = "echo up; exec sleep 99"\nvolumes = ["data:/data"]'
    )
    assert pocker.run("up", "-d", file).returncode == 0
    # Before its container is made there is no volume.
    wait_until(lambda: pocker.ask("logs", "load") == "up\n")
    refused = pocker.run("volume", "rm", "data")
    assert refused.stderr == "pocker: volume data: is in use by job load\n"
    pocker.run("down", "--now")
    pocker.stdout("volume", "rm", "data")


def test_a_new_volume_begins_with_what_the_image_has(pocker: Pocker, busybox: Path) -> None:
    """So its programs are found in one that lies over them, unless that is not wanted."""
    filled = ("run", "-v", "bin:/bin", str(busybox), "true")
    assert (pocker.stdout(*filled), pocker.stdout(*filled)) == ("", "")
    empty = pocker.run("run", "-v", "other:/bin:nocopy", str(busybox), "true")
    assert empty.returncode == 127
    pocker.ask("volume", "prune", "-af")
