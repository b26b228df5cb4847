"""The commands that talk to registries, as their users type them."""

from __future__ import annotations

import pytest

from runtime.directories import Directories
from tests.integration.registry.peer import Peer
from tests.supervisor.cli.calling import Call, call

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def _own_files(tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", f"{tmp_path}/auth.json")


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


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["{host}/team/app"], 1,
         "{host}/team/app:latest: 127.0.0.1 answered 404 MANIFEST_UNKNOWN: manifest unknown"),
        (["{host}/none:x"], 1,
         "{host}/none:x: 127.0.0.1 answered 404 MANIFEST_UNKNOWN: manifest unknown"),
        (["App"], 2, "image reference 'App': the name is not in lower case"),
        (["--platform", "a/b/c/d", "app"], 2,
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
