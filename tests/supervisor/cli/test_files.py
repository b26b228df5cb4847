"""`check`, `plan` and `graph`: what they say about a file, and that they only look."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runtime.directories import Directories
from tests.supervisor.cli.calling import call, refusals

DIAMOND = """\
name = "shop"
[defaults]
image = "host"
[jobs.load]
command = ["sort", "/data/in"]
volumes = ["./data:/data:ro"]
[jobs.web]
command = "serve"
restart = "always"
[jobs.report]
command = "report"
depends_on = ["load", "web"]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Three jobs, one of which needs the two others."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "jobs.toml"
    path.write_text(DIAMOND)
    return str(path)


@pytest.mark.parametrize("count", [1, 3])
def test_check_says_that_a_file_is_right(tmp_path: Path, count: int) -> None:
    """The file and the number of its jobs."""
    path = tmp_path / "jobs.toml"
    path.write_text("".join(f'[jobs.j{n}]\nimage="host"\ncommand="x"\n' for n in range(count)))
    called = call("check", str(path))
    jobs = "1 job" if count == 1 else f"{count} jobs"
    assert (called.code, called.stdout, called.stderr) == (0, f"{path}: ok, {jobs}\n", "")


@pytest.mark.parametrize("command", ["check {}", "up {}", "up -d {}", "graph {}", "plan {} a"])
def test_all_problems_of_a_file_come_at_once(command: str, tmp_path: Path) -> None:
    """A line each, with file, line and key as compilers write them; the exit code is 2."""
    path, state = tmp_path / "jobs.toml", tmp_path / "state"
    path.write_text('[jobs.a]\nimage = "host"\ncommand = "x"\nmemroy = "1g"\ntimeout = "1 week"\n')
    code, lines = refusals("--state", str(state), *command.format(path).split())
    assert code == 2
    assert lines[0] == f'{path}:4: jobs.a.memroy: unknown key; did you mean "memory"?'
    assert lines[1].startswith(f"{path}:5: jobs.a.timeout: '1 week' is not a duration: ")
    assert len(lines) == 2
    assert not state.exists()


def test_the_graph_is_shown_as_text(file: str) -> None:
    """Jobs with the same number may run side by side; it is said what each one waits for."""
    assert call("graph", file).stdout.splitlines() == [
        "1  load",
        "1  web",
        "2  report  after load, web (started)",
    ]


def test_the_graph_is_shown_as_dot(file: str) -> None:
    """An arrow for each dependency, in the language of Graphviz."""
    lines = call("graph", "--format", "dot", file).stdout.splitlines()
    assert lines[0] == "digraph jobs {"
    assert '  "load" -> "report";' in lines
    assert '  "web" -> "report" [style=dashed];' in lines


def test_the_graph_is_shown_as_json(file: str) -> None:
    """An object for each job, each on a line of its own."""
    documents = [*map(json.loads, call("graph", "--format", "json", file).stdout.splitlines())]
    assert documents[2] == {
        "job": "report",
        "level": 2,
        "depends_on": [
            {"job": "load", "condition": "service_completed_successfully"},
            {"job": "web", "condition": "service_started"},
        ],
    }


def test_the_plan_is_shown_step_by_step(file: str, state: Directories) -> None:
    """Numbers from 0 on, the key that asked for a step, and what it does; nothing is made."""
    called = call("--root", state.root, "--state", state.state, "plan", file, "load")
    headers, *steps = called.stdout.splitlines()
    assert headers.split() == ["STEP", "FROM", "WHAT"]
    assert [step.split()[0] for step in steps] == [str(number) for number in range(len(steps))]
    mount = rf"\d+ +volumes\[0\] +mount {Path(file).parent}/data at /data \(ro"
    assert len([step for step in steps if re.match(mount, step)]) == 1
    assert re.match(r"\d+ +command +execute sort /data/in$", steps[-1])
    assert not Path(state.root).exists()
    assert not Path(state.state).exists()


def test_the_plan_is_shown_as_json(file: str) -> None:
    """The same steps for programs."""
    called = call("plan", "--format", "json", file, "load")
    steps = [*map(json.loads, called.stdout.splitlines())]
    assert [step["step"] for step in steps] == list(range(len(steps)))
    assert steps[0] == {"step": 0, "name": "session", "text": "start a session", "origin": None}
    assert steps[-1]["origin"] == "command"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "{}", "lod"], '{} has no job lod; did you mean "load"?'),
        (["up", "{}", "lod"], '{} has no job lod; did you mean "load"?'),
        (["up", "--exit-code-from", "lod", "{}"], '{} has no job lod; did you mean "load"?'),
        (
            ["up", "--exit-code-from", "web", "{}", "load"],
            "--exit-code-from web: this job is not among those to run",
        ),
    ],
)
def test_unknown_jobs_are_refused(arguments: list[str], message: str, file: str) -> None:
    """The nearest name is offered, and nothing is started."""
    code, lines = refusals(*[argument.format(file) for argument in arguments])
    assert (code, lines) == (2, [f"pocker: {message.format(file)}"])
