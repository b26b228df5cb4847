"""Bad input: one clear error each, nothing started, nothing left."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until
from tests.leaks import cgroup_mounts
from tests.supervisor.cli.calling import call

pytestmark = pytest.mark.root

JOB = '[jobs.a]\nimage = "host"\ncommand = "true"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (JOB + 'memroy = "1g"', '5: jobs.a.memroy: unknown key; did you mean "memory"?'),
        (JOB + 'retries = "two"', "5: jobs.a.retries: must be a whole number, not a string"),
        (
            JOB + 'memory = "10 parsec"',
            "5: jobs.a.memory: '10 parsec' is not a size: use bytes, or a number with k,",
        ),
        (JOB + "[jobs.a]\n", "5: cannot declare ('jobs', 'a') twice"),
        (
            JOB + 'depends_on = ["b"]\n[jobs.b]\nimage = "host"\ncommand = "x"\ndepends_on = ["a"]',
            "5: jobs.a.depends_on: cycle: a -> b -> a",
        ),
        (JOB + 'depends_on = ["aa"]', "5: jobs.a.depends_on[0]: no job has the name 'aa'"),
        (JOB + 'memory = "1k"', "5: jobs.a.memory: 1024 bytes is "),
        (
            '[jobs.a]\nimage = "./absent"\ncommand = "x"',
            "3: jobs.a.image: {top}/absent: no such file or directory",
        ),
        (
            JOB + 'volumes = ["./absent:/data"]',
            "5: jobs.a.volumes[0]: {top}/absent: no such file or directory",
        ),
    ],
)
def test_a_wrong_file_starts_nothing(pocker: Pocker, text: str, problem: str) -> None:
    """The message has file, line and key; the exit code is 2; not a directory was made."""
    file = pocker.file(text)
    directories = pocker.directories
    refused = call("--root", directories.root, "--state", directories.state, "up", file)
    assert (refused.code, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"{file}:{problem.format(top=pocker.top)}")
    assert not os.path.exists(pocker.directories.root)
    assert not os.path.exists(pocker.directories.state)


def test_a_missing_file_is_named() -> None:
    """As it was written on the command line."""
    refused = call("up", "absent.toml")
    assert (refused.code, refused.stderr) == (2, "absent.toml: no such file or directory\n")


@pytest.mark.parametrize("options", [[], ["-d"]])
def test_no_root_rights(pocker: Pocker, options: list[str]) -> None:
    """Who may not start containers is told so before anything is made."""
    command = pocker.command("up", *options, pocker.file(JOB))
    # Without a map, nobody in a new user namespace is root in the eyes of anybody.
    refused = subprocess.run(
        ["unshare", "--user", *command], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stdout) == (125, "")
    assert refused.stderr == ("pocker: starting containers needs root rights: run this as root\n")
    assert not os.path.exists(pocker.directories.state)


@pytest.mark.parametrize("options", [[], ["-d"]])
def test_another_supervisor_is_running(pocker: Pocker, options: list[str]) -> None:
    """Who has the state directory is named, and is left alone."""
    first = pocker.start(
        "up", pocker.file('[jobs.a]\nimage = "host"\ncommand = "echo up; sleep 100"')
    )
    read_until(first, "a | up")
    refused = pocker.run("up", *options, pocker.file(JOB, "other.toml"))
    assert (refused.returncode, refused.stdout) == (125, "")
    assert refused.stderr == (
        f"pocker: {pocker.directories.state} is in use by a running supervisor (pid {first.pid})\n"
    )
    assert pocker.states() == {"a": "running"}
    first.terminate()
    assert finish(first)[0] == 143


def test_the_state_database_cannot_be_used(pocker: Pocker) -> None:
    """The file is named, by those who write it and by those who read it."""
    database = Path(pocker.directories.state, "state.db")
    database.parent.mkdir(mode=0o700)
    database.mkdir()
    for arguments, code in ((["up", pocker.file(JOB)], 125), (["ps"], 1), (["logs", "a"], 1)):
        refused = pocker.run(*arguments)
        assert refused.returncode == code
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"pocker: open state database {database}: ")


def test_a_controller_is_absent(pocker: Pocker) -> None:
    """A limit that nobody could keep is no limit: the job is not started."""
    file = pocker.file(JOB + 'memory = "64m"')
    with _without_memory() as (wrapper, options):
        refused = subprocess.run(
            [*wrapper, *pocker.command("up", *options, file)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode in {1, 125}
    (run,) = pocker.json("history")
    assert (run["state"], run["reason"], run["exit_code"]) == ("failed", "StartError", 125)
    assert "memory" in run["detail"]


@contextmanager
def _without_memory() -> Iterator[tuple[list[str], list[str]]]:
    """A command before `up`, and options of it, with which it cannot have that controller."""
    found = cgroup_mounts()
    for mount in found:
        if mount.kind == "cgroup" and "memory" in mount.options:
            script = f'umount -l {mount.point} && exec "$@"'
            yield ["unshare", "--mount", "sh", "-c", script, "sh"], []
            return
    (v2,) = (mount.point for mount in found if mount.kind == "cgroup2")
    outer = v2 / f"pocker-test-{os.getpid()}"
    inner = outer / "no-controllers"
    inner.mkdir(parents=True)
    try:
        yield [], ["--cgroup", f"/{outer.name}/{inner.name}"]
    finally:
        inner.rmdir()
        outer.rmdir()
