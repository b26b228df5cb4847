"""The commands that talk to registries, as their users type them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runtime.directories import Directories
from tests.integration.registry.peer import PASSWORD, Peer, skopeo
from tests.supervisor.cli.calling import Call, call

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.toml").touch()
    monkeypatch.setenv("REGISTRY_AUTH_FILE", f"{tmp_path}/auth.json")
    monkeypatch.setenv("POCKER_REGISTRIES", f"{tmp_path}/none.toml")


def pocker(state: Directories, *arguments: str) -> Call:
    """Run a command on a store of its own."""
    return call("--root", state.root, "--state", state.state, *arguments)


def test_a_pull_says_what_docker_says(peer: Peer, state: Directories) -> None:
    """What each layer goes through, the digest, whether it was new, and the full name last."""
    name = f"{peer.host}/team/app:small"
    digest = peer.digest("team/app:small")
    first = pocker(state, "pull", name)
    assert (first.code, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    layer = lines[1].partition(":")[0]
    assert lines[0] == "small: Pulling from team/app"
    assert [line for line in lines if line.startswith(layer)] == [
        f"{layer}: {words}"
        for words in ("Pulling fs layer", "Download complete", "Extracting", "Pull complete")
    ]
    assert lines[-3:] == [
        f"Digest: {digest}", f"Status: Downloaded newer image for {name}", name,
    ]  # fmt: skip
    again = pocker(state, "image", "pull", name)
    assert again.stdout.splitlines()[-2] == f"Status: Image is up to date for {name}"
    assert pocker(state, "pull", "-q", name).stdout == f"{name}\n"
    assert pocker(state, "images", "--format", "{{.Repository}}:{{.Tag}}").stdout == f"{name}\n"
    everything = pocker(state, "pull", "-a", "-q", f"{peer.host}/team/app").stdout
    assert sorted(everything.splitlines()) == [
        f"{peer.host}/team/app:{tag}" for tag in ("docker", "large", "many", "one", "small")
    ]


def test_a_push_says_what_docker_says(peer: Peer, state: Directories) -> None:
    """The repository, what becomes of each layer, and the digest last."""
    pulled, name = f"{peer.host}/team/app:one", f"{peer.host}/sent/app:v1"
    pocker(state, "pull", "-q", pulled)
    pocker(state, "tag", pulled, name)
    pushed = pocker(state, "push", name)
    assert (pushed.code, pushed.stderr) == (0, "")
    first, *layers, last = pushed.stdout.splitlines()
    assert first == f"The push refers to repository [{peer.host}/sent/app]"
    assert [line.partition(": ")[2] for line in layers] == [
        "Waiting", "Mounted from another repository",
    ]  # fmt: skip
    assert last.startswith(f"v1: digest: {peer.digest('sent/app:v1')} size: ")
    assert pocker(state, "image", "push", "-q", name).stdout == f"{name}\n"
    missing = pocker(state, "push", "-q", f"{peer.host}/nope")
    assert (missing.code, missing.stderr) == (
        1, f"pocker: image {peer.host}/nope:latest: not in the store\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["{host}/team/app"], 1,
         "{host}/team/app:latest: 127.0.0.1 answered 404 MANIFEST_UNKNOWN: manifest unknown"),
        (["{host}/none:x"], 1,
         "{host}/none:x: 127.0.0.1 answered 404 MANIFEST_UNKNOWN: manifest unknown"),
        (["-a", "{host}/team/app:small"], 1,
         "a tag or digest can't be used with --all-tags/-a"),
        (["-a", "{host}/none"], 1, "{host}/none: 127.0.0.1 answered 404 NAME_UNKNOWN"),
        (["App"], 1, "image reference 'App': the name is not in lower case"),
        (["--platform", "a/b/c/d", "app"], 1,
         "platform 'a/b/c/d' is not [OS/]ARCHITECTURE[/VARIANT]"),
        (["name.invalid/app"], 1,
         "name.invalid/app:latest: connect to name.invalid: "),
    ],
)  # fmt: skip
def test_what_cannot_be_pulled_is_said(
    arguments: list[str], code: int, problem: str, peer: Peer, state: Directories
) -> None:
    """One line with the name and the registry's own words, and nothing comes into the store."""
    given = [argument.format(host=peer.host) for argument in arguments]
    called = pocker(state, "pull", "-q", *given)
    assert (called.code, called.stdout) == (code, "")
    assert called.stderr.startswith(f"pocker: {problem.format(host=peer.host)}")
    assert len(called.stderr.splitlines()) == 1
    assert pocker(state, "images", "-q").stdout == ""


def test_a_login_opens_a_registry(
    guarded: Peer, state: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried before it is kept; pull and skopeo use it, until logout."""
    name, auth = f"{guarded.host}/team/app:small", f"{tmp_path}/auth.json"
    settings = tmp_path / "registries.toml"
    monkeypatch.setenv("POCKER_REGISTRIES", str(settings))
    refused = f"pocker: {name}: 127.0.0.1 answered 401 UNAUTHORIZED: authentication required\n"

    def log_in(password: str) -> Call:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{password}\n".encode())))
        return pocker(state, "login", "-u", "me", "--password-stdin", f"https://{guarded.host}")

    settings.write_text("[registry]")
    wrong = log_in(PASSWORD)
    told = f'{settings}:1: registry: unknown key; did you mean "registries"?\n'
    assert (wrong.code, wrong.stderr) == (2, told)
    settings.write_text(f'[registries."{guarded.host}"]\nca_file = "{guarded.top}/certs/ca.crt"\n')
    assert pocker(state, "pull", "-q", name).stderr == refused
    wrong = log_in("wrong")
    assert (wrong.code, wrong.stdout) == (1, "")
    assert "401 UNAUTHORIZED" in wrong.stderr
    assert not Path(auth).exists()
    right = log_in(PASSWORD)
    assert (right.code, right.stdout) == (0, "Login Succeeded\n")
    assert right.stderr == f"pocker: the password is in {auth}, not encrypted\n"
    assert pocker(state, "pull", "-q", name).stdout == f"{name}\n"
    certificates = f"--cert-dir={guarded.top}/certs"
    skopeo("inspect", "--raw", f"--authfile={auth}", certificates, f"docker://{name}")
    gone = pocker(state, "logout", guarded.host)
    assert gone.stdout == f"Removed the login for {guarded.host} from {auth}\n"
    assert pocker(state, "logout", guarded.host).stdout == f"Not logged in to {guarded.host}\n"
    assert pocker(state, "pull", "-q", name).stderr == refused


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["-p", "x", "--password-stdin"], 1, "--password and --password-stdin exclude each other"),
        (["--password-stdin"], 1, "--password-stdin needs --username"),
        (["-u", "me", "--password-stdin"], 1, "the password is empty"),
        (["-u", "me"], 1, "no terminal to ask for the password; use --username and"),
        (["name"], 1, "'name' names no registry"),
    ],
)
def test_a_login_without_enough_is_refused(
    arguments: list[str], code: int, problem: str,
    state: Directories, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nobody is asked for anything."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    called = pocker(state, "login", *arguments)
    assert (called.code, called.stdout) == (code, "")
    assert called.stderr.startswith(f"pocker: {problem}")


def test_run_pulls_what_is_missing(peer: Peer, state: Directories) -> None:
    """As `--pull` says; the command's output is left alone, and an id has no registry."""
    name = f"{peer.host}/team/app:one"

    def run(*arguments: str) -> Call:
        return pocker(state, "run", *arguments, "absent")

    assert f"image {name}: not in the store" in run("--pull", "never", name).stderr
    missing = run(name)
    assert (missing.code, missing.stdout) == (127, "")
    first, *others, last = missing.stderr.splitlines()
    assert first == f"Unable to find image '{name}' locally"
    assert f"Status: Downloaded newer image for {name}" in others
    assert last.endswith("command not found: absent")
    assert run(name).stderr.splitlines() == [last]
    always = run("--pull", "always", name)
    assert f"Status: Image is up to date for {name}" in always.stderr.splitlines()
    assert run("-q", "--pull", "always", name).stderr.splitlines() == [last]
    identifier = pocker(state, "images", "-q").stdout.strip()
    assert run("--pull", "always", identifier).stderr.splitlines() == [last]
    assert "image sha256:abc: not in the store" in run("sha256:abc").stderr
    unknown = run(f"{peer.host}/team/nope")
    assert unknown.code == 125
    assert unknown.stderr.splitlines()[-1] == (
        f"pocker: {peer.host}/team/nope:latest: 127.0.0.1 answered"
        " 404 MANIFEST_UNKNOWN: manifest unknown"
    )


def test_up_pulls_where_it_is_told_to(peer: Peer, state: Directories, tmp_path: Path) -> None:
    """Before anything starts; without that an image that is missing is a mistake of the file."""
    name = f"{peer.host}/team/app:one"
    file = tmp_path / "jobs.toml"
    file.write_text(f'[jobs.a]\nimage = "{name}"\ncommand = ["absent"]\n')
    missing = pocker(state, "up", str(file))
    assert missing.code == 2
    assert f"jobs.a.image: image {name}: not in the store" in missing.stderr
    ended = pocker(state, "up", "--pull", "missing", str(file))
    assert f"Status: Downloaded newer image for {name}" in ended.stderr.splitlines()
    assert "command not found: absent" in ended.stderr
    assert ended.code == 1
