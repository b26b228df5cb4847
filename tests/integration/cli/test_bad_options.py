"""Bad options of `run`, `run -d` and `create`: Docker's code, one clear line, and nothing left."""

from __future__ import annotations

import os

import pytest

from tests.integration.cli.pocker import Pocker
from tests.supervisor.cli.calling import call

pytestmark = pytest.mark.root

COMMANDS = (("run",), ("run", "-d"), ("create",))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--foo", "host", "true"), "unknown flag: --foo; see 'pocker "),
        (("--pull", "never", "nope"), "image nope: not in the store"),
        (("Nope",), "IMAGE: 'Nope' is not an image"),
        (("/absent", "true"), "image /absent: no such directory"),
        (("--name", "-x", "host", "true"), "--name: '-x' is not a name"),
        (("--name", "taken", "host", "true"), "the container name taken is already in use by"),
        (("-m", "10parsec", "host", "true"), "--memory: '10parsec' is not a size"),
        (("-m", "1k", "host", "true"), "--memory: 1024 bytes is below the minimum of 512k"),
        (("-m", "9m", "--memory-swap", "8m", "host", "true"), "--memory-swap: is memory plus swap"),
        (("--tmpfs", "/x:size=big", "host", "true"), "--tmpfs: 'big' is not a size"),
        (("--cpus", "4095", "host", "true"), "--cpus: 4095 is more than the "),
        (("--cpuset-cpus", "4095", "host", "true"), "--cpuset-cpus: 4095 is not available: there"),
        (("--ulimit", "nope=1", "host", "true"), "--ulimit nope: unknown limit"),
        (("--ulimit", "nofile=9:1", "host", "true"), "--ulimit nofile: is above the hard value"),
        (("--cap-add", "NOPE", "host", "true"), "--cap-add: 'NOPE' is not a capability"),
        (("--sysctl", "kernel.core_pattern=x", "host", "true"), "--sysctl: 'kernel.core_pattern' "),
        (("--device", "/dev/null:/dev/x:q", "host", "true"), "--device: '/dev/null:/dev/x:q': the"),
        (("-h", "a b", "host", "true"), "--hostname: 'a b' is not a host name"),
        (("-l", "=x", "host", "true"), "--label: '=x' has no name"),
        (("--env-file", "/absent", "host", "true"), "--env-file: /absent: no such file or"),
        (("-v", "/absent:/a", "host", "true"), "--volume or --mount: source /absent does not"),
        (
            ("--mount", "type=bind,src=/absent,dst=/a", "host", "true"),
            "--volume or --mount: source /absent does not exist",
        ),
        (("--network", "nope", "host", "true"), "--network: 'nope' is not one of none, host"),
        (("--restart", "nope", "-d", "host", "true"), "--restart: 'nope' is not one of"),
        (("--stop-signal", "NOPE", "host", "true"), "--stop-signal: 'NOPE' is not a signal"),
        (("host",), ""),
    ],
)
def test_what_is_refused_when_it_is_made(
    pocker: Pocker, words: tuple[str, ...], message: str
) -> None:
    """By all three, with 125; no container is there, and nothing of one."""
    directories = pocker.directories
    places = ("--root", directories.root, "--state", directories.state)
    kept = {"taken"} & {*words}
    if kept:
        pocker.stdout("create", "--name", "taken", "host", "true")
    for command in COMMANDS:
        if command == ("create",):
            words = tuple(word for word in words if word != "-d")
        refused = call(*places, *command, *words)
        assert (refused.code, refused.stdout) == (125, "")
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"pocker: {message}")
    assert {*pocker.ask("ps", "-a", "--format", "{{.Names}}").split()} == kept
    assert files_of_containers(pocker) == []


def test_a_mistake_in_the_settings_of_registries(
    pocker: Pocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Has the code of any other reason why there is no container, and its place."""
    file = pocker.top / "registries.toml"
    file.write_text("[registry]")
    monkeypatch.setenv("POCKER_REGISTRIES", str(file))
    for command in COMMANDS:
        refused = pocker.run(*command, "-q", "127.0.0.1:1/nope", "true")
        assert (refused.returncode, refused.stdout) == (125, "")
        (*_, line) = refused.stderr.splitlines()
        assert line.startswith(f"pocker: {file}:1: registry: unknown key")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-u", "nope", "host", "true"), 125, "--user: no user 'nope' in the container's /etc/p"),
        (("-u", "0:nope", "host", "true"), 125, "--user: no group 'nope' in the container's "),
        (("--device", "/dev/nope", "host", "true"), 125, "--device: source /dev/nope does not ex"),
        (("--device", "/etc/passwd", "host", "true"), 125, "device /etc/passwd: not a device"),
        (("host", "nope"), 127, "command not found: nope"),
        (("host", "/etc/passwd"), 126, "cannot execute /etc/passwd: permission denied"),
    ],
)
def test_what_is_refused_when_it_starts(
    pocker: Pocker, words: tuple[str, ...], code: int, message: str
) -> None:
    """With 1 by `start`, which leaves it as it was; by the others with Docker's code."""
    for command in COMMANDS[:2]:
        refused = pocker.run(*command, *words)
        assert (refused.returncode, refused.stdout) == (code, "")
        assert refused.stderr.startswith(f"pocker: {message}")
        assert refused.stderr.count("\n") == 1
        assert pocker.ask("ps", "-aq") == ""
    identifier = pocker.stdout("create", *words).strip()
    again = pocker.run("start", identifier)
    assert (again.returncode, again.stdout, again.stderr) == (1, "", refused.stderr)
    assert pocker.ask("ps", "-aq") == f"{identifier}\n"
    pocker.stdout("rm", identifier)
    assert files_of_containers(pocker) == []


def files_of_containers(pocker: Pocker) -> list[str]:
    """What there is of containers on disk, apart from their list."""
    places = pocker.directories
    own = places.detached
    paths = [places.containers, own.containers, own.kept_layers, f"{own.root}/attended"]
    return [name for path in paths if os.path.isdir(path) for name in os.listdir(path)]
