"""What a shell is offered: the names that fit the command, at once and without a word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.supervisor.cli.calling import call, imported_by
from tests.supervisor.cli.past import Past
from tests.supervisor.cli.test_start_cost import HEAVY


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Give jobs and containers that run, have ended or were never begun."""
    past = Past(tmp_path)
    past.job("load", ended=True)
    past.job("serve", ended=False)
    past.container("web", ended=False)
    past.container("old", ended=True)
    past.container("new", ended=None)
    return past


def ask(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Let the next call be what bash makes of Tab behind these words."""
    monkeypatch.setenv("_POCKER_COMPLETE", "bash")
    monkeypatch.setenv("COMP_LINE", " ".join(["pocker", *words]))


def offered(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """The words that are offered; nothing is said beside them."""
    ask(monkeypatch, *words)
    called = call()
    assert called.stderr == ""
    return [line.removeprefix("plain\t").rstrip() for line in called.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["stop", ""], ["web", "serve"]),
        (["exec", "-i", "-t", ""], ["web", "serve"]),
        (["exec", "web", ""], []),
        (["attach", "s"], ["serve"]),
        (["start", ""], ["old", "new"]),
        (["rm", ""], ["web", "old", "new"]),
        (["rm", "web", "old", ""], ["new"]),
        (["logs", "-f", ""], ["web", "old", "new", "load", "serve"]),
        (["logs", "x"], []),
        (["run", ""], ["host"]),
    ],
)
def test_a_command_is_offered_the_names_that_it_takes(
    past: Past, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], names: Sequence[str]
) -> None:
    """Those that run, those that do not, or all; none that was given already."""
    assert offered(monkeypatch, *past.options, *words) == names


def test_jobs_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the file; where the file itself is to be named, the shell knows files."""
    file = tmp_path / "jobs.toml"
    file.write_text("[jobs.load]\n[jobs.report]\n")
    assert offered(monkeypatch, "up", str(file), "") == ["load", "report"]
    assert offered(monkeypatch, "plan", str(file), "r") == ["report"]
    assert offered(monkeypatch, "check", "jo") == ["file\tjo"]
    file.write_text("[jobs")
    assert offered(monkeypatch, "up", str(file), "") == []


@pytest.mark.parametrize(
    "words",
    [
        ["sotp", "a"],
        ["image", "lss", "a"],
        ["stop", "--bogus", "a"],
        ["run", "zz"],
    ],
)
def test_what_makes_no_sense_is_offered_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    """The user may yet correct it; a line of complaint would stand in the middle of the prompt."""
    assert offered(monkeypatch, *Past(tmp_path).options, *words) == []


@pytest.mark.parametrize("name", ["state.db", "containers.json"])
def test_what_cannot_be_read_is_not_offered(
    past: Past, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Damaged or forbidden: the same silence."""
    Path(past.settings.detached.directories.state, name).write_text("no such thing" * 100)
    assert offered(monkeypatch, *past.options, "stop", "") == []


def test_an_answer_takes_no_heavy_import(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user waits for it with a finger on the key."""
    ask(monkeypatch, *past.options, "stop", "")
    assert not imported_by() & HEAVY
    ask(monkeypatch, *past.options, "run", "")
    assert imported_by() & HEAVY <= {"runtime._native"}
