"""Images that are damaged: told of, in nobody's way, and easy to be rid of."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.images.store import ImageStore
from tests.runtime.images.archives import Member, add_image, archive
from tests.supervisor.cli.calling import Call, call


@pytest.fixture
def broken(state: Directories) -> str:
    """Give the digest of an image called `a` and `b` that is damaged, beside one that is not."""
    state.prepare()
    store = ImageStore(state.state)
    add_image(store, [archive(Member(name="x"))], "whole")
    target = add_image(store, [archive(Member(name="y"))], "a", "b")
    Path(store.blobs.path(target.digest)).write_bytes(b"{}")
    return target.digest


def pocker(state: Directories, *arguments: str) -> Call:
    """Run a command on the store."""
    return call("--root", state.root, "--state", state.state, *arguments)


def test_the_others_are_listed(state: Directories, broken: str) -> None:
    """What is damaged is told beside them, and by the exit code."""
    listed = pocker(state, "images", "--format", "{{.Repository}}")
    assert (listed.code, listed.stdout) == (1, "whole\n")
    told = "pocker: image docker.io/library/a:latest, docker.io/library/b:latest is damaged: blob "
    assert listed.stderr.startswith(told + broken)


def test_it_is_removed_name_by_name(state: Directories, broken: str) -> None:
    """As any other, and the rest stays."""
    first, *_others = pocker(state, "rmi", "a").stdout.splitlines()
    assert first == "Untagged: docker.io/library/a:latest"
    assert pocker(state, "images", "-q").stderr.startswith(
        "pocker: image docker.io/library/b:latest is damaged: "
    )
    last = pocker(state, "rmi", "b").stdout.splitlines()
    assert last == ["Untagged: docker.io/library/b:latest", f"Deleted: {broken}"]
    assert pocker(state, "image", "verify").stdout == "1 image, nothing wrong\n"


@pytest.mark.parametrize("arguments", [("rmi", "-f", "{}"), ("image", "prune", "-af")])
def test_it_is_removed_at_once(arguments: tuple[str, ...], state: Directories, broken: str) -> None:
    """By its digest, or with all that nobody uses."""
    assert pocker(state, *(word.format(broken) for word in arguments)).code == 0
    assert pocker(state, "images").code == 0
    assert pocker(state, "rmi", "a").stderr == "pocker: image a: not in the store\n"
