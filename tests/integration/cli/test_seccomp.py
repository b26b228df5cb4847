"""Seccomp profiles of the caller's: what a container may not do, from its start to its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.pocker import Pocker, wait_until
from tests.integration.cli.test_detached import kill_supervisor, status
from tests.runtime.security.dockerlike import args, docker_like, rule
from tests.supervisor.cli.calling import call

pytestmark = pytest.mark.root

MKDIR = ("mkdir", "mkdirat")
ERRNO = "SCMP_ACT_ERRNO"
TRY = "mkdir /tmp/x 2>&1 | sed 's/.*: //'; test -d /tmp/x && echo made"


def profile(top: Path, *calls: dict[str, Any], name: str = "profile.json") -> str:
    """The path of one that allows all but these."""
    path = top / name
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls}, indent=2))
    return str(path)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (rule(*MKDIR, action=ERRNO), "Operation not permitted"),
        (rule(*MKDIR, action=ERRNO, errnoRet=28), "No space left on device"),
        (rule(*MKDIR, action=ERRNO, args=args(1, "EQ", 0o777)), "Operation not permitted"),
        (rule(*MKDIR, action=ERRNO, includes={"caps": ["CAP_KILL"]}), "Operation not permitted"),
        (rule(*MKDIR, action=ERRNO, includes={"caps": ["CAP_BPF"]}), "made"),
        (rule(*MKDIR, action=ERRNO, excludes={"minKernel": "3.0"}), "made"),
    ],
)
def test_a_profile_forbids_what_it_says(
    pocker: Pocker, tmp_path: Path, entry: dict[str, Any], told: str
) -> None:
    """With its errno, by arguments, capabilities and kernel; a relative path begins here."""
    profile(tmp_path, entry)
    words = ("--security-opt", f"seccomp={tmp_path}/./profile.json", "host", "sh", "-c", TRY)
    assert pocker.run("run", *words).stdout == f"{told}\n"


def test_a_profile_may_kill(pocker: Pocker, tmp_path: Path) -> None:
    """The signal is that of a bad system call; the last option of several counts."""
    option = f"seccomp={profile(tmp_path, rule(*MKDIR, action='SCMP_ACT_KILL_PROCESS'))}"
    words = ("host", "mkdir", "/tmp/x")
    assert pocker.run("run", "--security-opt", option, *words).returncode == 128 + 31
    for last in ("seccomp=builtin", "seccomp=unconfined"):
        both = ("--security-opt", option, "--security-opt", last)
        assert pocker.stdout("run", *both, *words) == ""
    assert pocker.stdout("run", "--privileged", "--security-opt", option, *words) == ""
    file = pocker.file(
        '[jobs.a]\nimage = "host"\ncommand = ["mkdir", "/tmp/x"]\n'
        'security_opt = ["seccomp=profile.json"]\n'
    )
    assert pocker.run("up", file).returncode != 0
    (run,) = pocker.json("history", "a")
    assert (run["reason"], run["exit_code"]) == ("Error", 128 + 31)


def test_a_profile_like_dockers_is_enough_to_live_with(pocker: Pocker, tmp_path: Path) -> None:
    """Programs start and do their work, with the filter before no_new_privs as well as after."""
    (tmp_path / "docker.json").write_text(docker_like())
    option = ("--security-opt", f"seccomp={tmp_path}/docker.json")
    script = f"{TRY}; unshare -m true 2>/dev/null || echo alone; grep Seccomp: /proc/self/status"
    for further in ((), ("--security-opt", "no-new-privileges:false")):
        out = pocker.stdout("run", *option, *further, "host", "sh", "-c", script)
        assert out.splitlines() == ["made", "alone", "Seccomp:\t2"]


def test_the_profile_is_the_containers_from_then_on(pocker: Pocker, tmp_path: Path) -> None:
    """When its file has gone: for other commands in it, a new start, and a killed supervisor."""
    path = profile(tmp_path, rule(*MKDIR, action=ERRNO, errnoRet=28))
    loop = f"{TRY}; while :; do sleep 0.1; done"
    words = ("--name", "one", "--security-opt", f"seccomp={path}", "host", "sh", "-c", loop)
    pocker.stdout("run", "-d", *words)
    Path(path).unlink()
    refused = "No space left on device\n"
    assert pocker.run("exec", "one", "sh", "-c", TRY).stdout == refused
    assert pocker.stdout("exec", "--privileged", "one", "sh", "-c", TRY) == "made\n"
    kill_supervisor(pocker)
    assert pocker.run("exec", "one", "sh", "-c", "rm -r /tmp/x;" + TRY).stdout == refused
    pocker.stdout("restart", "-t", "0", "one")
    wait_until(lambda: pocker.ask("logs", "one") == refused)
    assert status(pocker, "one") == "running"


def test_a_created_container_has_it_too(pocker: Pocker, tmp_path: Path) -> None:
    """What was in the file when it was created, whatever is in there when it starts."""
    path = profile(tmp_path, rule(*MKDIR, action=ERRNO, errnoRet=28))
    words = ("--name", "one", "--security-opt", f"seccomp={path}", "host", "sh", "-c", TRY)
    pocker.stdout("create", *words)
    profile(tmp_path)
    pocker.stdout("start", "one")
    wait_until(lambda: pocker.ask("logs", "one") == "No space left on device\n")
    wait_until(lambda: status(pocker, "one") == "exited")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "no such file or directory"),
        ("{", "is not JSON: line 1, column 2: expecting property name"),
        ('{"defaultAction": "ALLOW"}', "defaultAction: 'ALLOW' is not one of"),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"nams": []}]}',
            'syscalls[0].nams: unknown key; did you mean "names"?',
        ),
    ],
)
def test_a_bad_profile_starts_nothing(
    pocker: Pocker, tmp_path: Path, text: str | None, problem: str
) -> None:
    """One line with file and place, 125, and nothing left; in a jobs file, the line of the key."""
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text)
    directories = pocker.directories
    places = ("--root", directories.root, "--state", directories.state)
    for command in (("run",), ("run", "-d"), ("create",)):
        words = ("--security-opt", f"seccomp={path}", "host", "true")
        refused = call(*places, *command, *words)
        assert (refused.code, refused.stdout) == (125, "")
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"pocker: --security-opt: {path}: {problem}")
    file = pocker.file('[jobs.a]\nimage = "host"\nsecurity_opt = ["seccomp=bad.json"]\ncommand="x"')
    refused = call(*places, "up", file)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{file}:4: jobs.a.security_opt: {path}: {problem}")
    assert pocker.json("ps", "-a") == []
    assert not Path(directories.containers).exists()
