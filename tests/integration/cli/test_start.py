"""`pocker start -a`: a container is started, and its output and its exit code are the user's."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.cli.pocker import PATIENCE, Pocker

pytestmark = pytest.mark.root


def test_one_that_ends_at_once_is_shown_whole(pocker: Pocker) -> None:
    """Each time what it wrote then, and nothing of the time before; its exit code is passed on."""
    script = "echo out; echo again >&2; exit 3"
    pocker.stdout("create", "--name", "short", "host", "sh", "-c", script)
    for _ in range(2):
        ended = pocker.run("start", "-a", "short")
        assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out\n", "again\n")
    assert pocker.ask("logs", "--tail", "all", "short") == pocker.ask("logs", "short")


def test_what_is_typed_reaches_it(pocker: Pocker) -> None:
    """With -i; only one can be attached to."""
    script = "read word; echo got $word; exit 4"
    for name in ("asks", "other"):
        pocker.stdout("create", "-i", "--name", name, "host", "sh", "-c", script)
    refused = pocker.run("start", "-ai", "asks", "other")
    assert (refused.returncode, "only one container" in refused.stderr) == (1, True)
    typed = pocker.command("start", "-ai", "asks")
    ended = subprocess.run(
        typed, check=False, input="this\n", capture_output=True, text=True, timeout=PATIENCE
    )
    assert (ended.returncode, ended.stdout) == (4, "got this\n")
