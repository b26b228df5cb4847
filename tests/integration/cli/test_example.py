"""The example that comes with the program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker

pytestmark = [pytest.mark.root, pytest.mark.controller("memory", "pids")]

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_example_shows_what_it_says(pocker: Pocker) -> None:
    """It succeeds, and each feature of it is seen to work; then it does so once more."""
    shutil.copy(EXAMPLES / "jobs.toml", pocker.top)
    shutil.copytree(EXAMPLES / "data", pocker.top / "data", ignore=shutil.ignore_patterns("*.csv"))
    file = str(pocker.top / "jobs.toml")
    for _ in range(2):
        up = pocker.run("up", file)
        assert up.returncode == 0, up.stderr
        runs = {run["job"]: run for run in pocker.json("ps", "-a")}
        assert runs.pop("hungry")["reason"] == "OOMKilled"
        assert {run["state"] for run in runs.values()} == {"succeeded"}
        assert runs["flaky"]["attempt"] == 2
        report = pocker.ask("logs", "report").splitlines()
        assert report[0] == "sales by region:"
        assert len(report) == 12


def test_the_example_runs_three_steps_side_by_side(pocker: Pocker) -> None:
    """The graph is what its comments say."""
    shown = pocker.ask("graph", str(EXAMPLES / "jobs.toml")).splitlines()
    assert [line.split()[0] for line in shown].count("2") >= 3
    assert shown[-1].startswith("3  report  after ")


def test_the_example_keeps_its_output_out_of_the_repository() -> None:
    """The directory is there in a fresh clone, and nothing that is written to it is versioned."""
    assert (EXAMPLES / "data/.gitignore").read_text().splitlines()[-2:] == ["*", "!.gitignore"]
