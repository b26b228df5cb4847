"""The help and the small commands start at once: what is heavy is imported by who needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.directories import Directories
from supervisor.detached import Entry
from supervisor.detached.attended import attend
from tests.supervisor.cli.calling import imported_by

HEAVY = {
    "asyncio", "cattrs", "fractions", "hypercorn", "httpx", "importlib.resources", "rich",
    "runtime._native", "starlette", "structlog", "supervisor.jobspec",
    "supervisor.service", "tomllib", "tree_sitter", "trio",
}  # fmt: skip
"""Each of these costs some ten milliseconds, or brings one that does."""


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["ps"], set()),
        (["history"], set()),
        (["down"], set()),
        (["stats"], set()),
        (["stop", "a"], set()),
        (["reload"], set()),
        (["check", "absent.toml"], {"cattrs", "supervisor.jobspec", "tomllib", "tree_sitter"}),
        (["graph", "absent.toml"], {"cattrs", "supervisor.jobspec", "tomllib", "tree_sitter"}),
        (["logs", "a"], {"runtime._native", "trio"}),
    ],
)
def test_a_command_imports_only_what_it_needs(
    arguments: list[str], needed: set[str], tmp_path: Path
) -> None:
    """Where there is nothing to do yet, the named packages are all that was imported."""
    assert imported_by("--state", str(tmp_path), *arguments) & HEAVY <= needed


@pytest.mark.parametrize("words", [["run", "/absent"], ["exec", "there"]])
def test_one_command_costs_no_more_than_the_runtime(words: list[str], tmp_path: Path) -> None:
    """`run` and `exec` bring what starts a process, but nothing that only a jobs file needs."""
    directories = Directories(str(tmp_path), str(tmp_path))
    directories.prepare()
    directories.detached.prepare()
    entry = Entry(
        id="0", name="there", created=1.0, remove=False, job={"image": "host"}, container="run-0-0"
    )
    _, attendance = attend(directories.detached, entry)
    places = ("--root", str(tmp_path), "--state", str(tmp_path))
    imported = imported_by(*places, *words, "true") & HEAVY
    attendance.end()
    assert imported <= {"runtime._native", "supervisor.jobspec", "trio"}
    assert "trio" in imported
