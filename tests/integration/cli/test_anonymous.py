"""Volumes that nobody has named: how long they are there, and that none is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, finish, read_until, wait_until

pytestmark = pytest.mark.root

READY = "mkdir /data /bare; echo seed > /data/seed; chown -R 33:34 /data; chmod 2750 /data"


@pytest.fixture
def stocked(pocker: Pocker, root_archive: str) -> Iterator[Pocker]:
    """Give a program with an image that asks for /data, which it has, and for /more."""
    pocker.ask("import", root_archive, "box")
    pocker.stdout("run", "-d", "--name", "make", "box", "sh", "-c", READY)
    pocker.ask("wait", "make")
    pocker.ask("commit", "-c", "VOLUME /data", "-c", 'VOLUME ["/more"]', "make", "stocked")
    pocker.stdout("rm", "make")
    yield pocker
    assert names(pocker) == []


def names(pocker: Pocker, *options: str) -> Sequence[str]:
    """The volumes that there are."""
    return pocker.ask("volume", "ls", "-q", *options).split()


def mounts(pocker: Pocker, name: str) -> dict[str, str]:
    """The names of the volumes of a container, by where it sees them."""
    (document,) = pocker.json_of("inspect", name)
    found = [each for each in document["Mounts"] if each["Type"] == "volume"]
    assert {each["Driver"] for each in found} == {"local"}
    return {each["Destination"]: each["Name"] for each in found}


def wait_for_output(pocker: Pocker, text: str) -> None:
    """Wait until the newest run of the container `web` has written this."""
    wait_until(lambda: pocker.run("logs", "web").stdout == text)


def test_a_command_takes_its_volumes_with_it(stocked: Pocker) -> None:
    """Those of the image begin with what it has there; one may be for reading only."""
    script = "stat -c '%a %u %g' /data; cat /data/*; ls -A /more /in; touch /data/x /own/x /in/x"
    mount = ("--mount", "type=volume,target=/in,readonly", "-v", "/own")
    ended = stocked.run("run", *mount, "stocked", "sh", "-c", script)
    assert ended.stdout == "2750 33 34\nseed\n/in:\n\n/more:\n"
    assert (ended.returncode, ended.stderr) == (1, "touch: /in/x: Read-only file system\n")
    assert names(stocked) == []


def test_what_is_mounted_comes_in_the_place_of_the_images(stocked: Pocker) -> None:
    """A volume with a name, or an empty file system in memory; no other is made."""
    options = ("-v", "kept:/data", "--tmpfs", "/more", "--init", "--name", "one")
    process = stocked.start("run", *options, "stocked", "sh", "-c", "echo on; exec sleep 1000")
    read_until(process, "on")
    assert names(stocked) == ["kept"]
    process.terminate()
    finish(process)
    assert names(stocked) == ["kept"]
    stocked.ask("volume", "rm", "kept")


def test_nothing_is_left_where_everybody_is_killed(stocked: Pocker) -> None:
    """The client and who cleans up after it; the next supervisor removes what they have left."""
    words = ("run", "--init", "--name", "one", "stocked", "sh", "-c", "echo on; exec sleep 1000")
    process = stocked.start(*words)
    read_until(process, "on")
    (carer,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[:1]
    for pid in (int(carer), process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert len(names(stocked)) == 2
    file = stocked.file('[jobs.a]\nimage = "host"\ncommand = "true"')
    assert stocked.run("up", file).returncode == 0
    assert names(stocked) == []


def test_a_container_that_stays_keeps_them(stocked: Pocker) -> None:
    """From one start to the next, and after it has gone, until somebody wants them to go."""
    script = "cat /data/log 2>/dev/null; echo run >> /data/log; echo on; exec sleep 1000"
    stocked.stdout("create", "--name", "web", "-v", "/own", "stocked", "sh", "-c", script)
    found = mounts(stocked, "web")
    assert sorted(found) == ["/data", "/more", "/own"]
    assert names(stocked) == sorted(found.values())
    stocked.stdout("start", "web")
    wait_for_output(stocked, "on\n")
    stocked.stdout("restart", "-t", "0", "web")
    wait_for_output(stocked, "run\non\n")
    stocked.stdout("stop", "-t", "0", "web")
    stocked.stdout("start", "web")
    wait_for_output(stocked, "run\nrun\non\n")
    assert mounts(stocked, "web") == found
    (document,) = stocked.json_of("volume", "inspect", found["/data"])
    assert document["Labels"] == {"com.docker.volume.anonymous": ""}
    assert stocked.json("system", "df")[2]["Active"] == "3"
    assert "Deleted" not in stocked.ask("volume", "prune", "-af")
    stocked.stdout("rm", "-f", "web")
    assert names(stocked, "-f", "dangling=true") == sorted(found.values())
    stocked.ask("volume", "create", "named")
    assert stocked.ask("volume", "prune", "-f").count("Deleted") == 3
    assert names(stocked) == ["named"]
    assert "Deleted: named" in stocked.ask("volume", "prune", "-af")


def test_they_go_with_a_container_where_that_is_wanted(stocked: Pocker) -> None:
    """With `rm -v`, with `--rm`, or where it could not be started; one with a name stays."""
    stocked.stdout("create", "--name", "first", "stocked", "true")
    shared = mounts(stocked, "first")["/data"]
    options = ("-v", f"{shared}:/shared", "-v", "named:/named")
    stocked.stdout("create", "--name", "second", *options, "stocked", "true")
    stocked.stdout("rm", "-v", "first")
    assert shared in names(stocked)
    assert len(names(stocked)) == 4
    stocked.stdout("rm", "--volumes", "second")
    assert names(stocked) == sorted([shared, "named"])
    stocked.ask("volume", "rm", shared, "named")
    stocked.stdout("run", "-d", "-i", "--rm", "--name", "third", "stocked", "cat")
    assert len(names(stocked)) == 2
    stocked.stdout("kill", "third")
    wait_until(lambda: holder(stocked.directories.detached.state) is None)
    assert names(stocked) == []
    assert stocked.run("run", "-d", "stocked", "/absent").returncode == 127
    assert names(stocked) == []
    stocked.stdout("create", "stocked", "true")
    assert stocked.ask("system", "prune", "--volumes", "-f").count("Deleted") == 3


def test_each_attempt_of_a_job_has_new_ones(stocked: Pocker) -> None:
    """What one has left is not in the way of the next; none outlives it but one with a user."""
    file = stocked.file(
        """
[jobs.again]
image = "stocked"
command = "ls -A /data /own; touch /data/mark /own/mark; false"
volumes = ["/own"]
retries = 1
backoff = "0s"
[jobs.stays]
image = "host"
command = "exec sleep 1000"
volumes = [{ target = "/scratch", read_only = true }]
tmpfs = ["/more"]
"""
    )
    assert stocked.run("up", "-d", file).returncode == 0
    stocked.run("wait", "again")
    assert stocked.ask("logs", "again") == 2 * "/data:\nseed\n\n/own:\n"
    assert names(stocked) == [*mounts(stocked, "stays").values()]
    supervisor = holder(stocked.directories.state)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: holder(stocked.directories.state) is None)
    assert "Deleted" not in stocked.ask("volume", "prune", "-af")
    (left,) = names(stocked)
    stocked.stdout("create", "--name", "user", "-v", f"{left}:/x", "host", "true")
    stocked.run("down", "--now")
    assert names(stocked) == [left]
    stocked.stdout("rm", "user")
    stocked.stdout("volume", "rm", left)
