"""How jobs end, and how each command tells of it. All of it is about one `up` of one file."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from runtime.directories import Directories
from tests.integration.cli.pocker import Pocker
from tests.leaks import left_behind, observe
from tests.supervisor.cli.calling import call

pytestmark = [pytest.mark.root, pytest.mark.controller("memory")]

JOBS = """\
concurrency = 4
[defaults]
image = "host"
[jobs.fine]
command = "echo out; echo err >&2; printf unfinished"
[jobs.loud]
command = ["seq", "50000"]
[jobs.odd]
command = "exit 4"
success_codes = [0, 4]
[jobs.error]
command = "exit 3"
[jobs.absent]
command = ["no-such-program"]
retries = 5
[jobs.forbidden]
command = ["/etc/passwd"]
[jobs.unstartable]
command = "true"
user = "somebody"
[jobs.signalled]
command = "kill -USR1 $$$$"
[jobs.murdered]
command = "kill -KILL $$$$"
[jobs.hungry]
command = ["tail", "/dev/zero"]
memory = "16m"
memory_swap = "16m"
allow_failure = true
[jobs.coping]
command = "tail /dev/zero; echo coped"
memory = "16m"
memory_swap = "16m"
[jobs.late]
command = "trap '' TERM; echo begun; sleep 100 & sleep 100"
timeout = "300ms"
[jobs.flaky]
command = "echo try; test -e /d/warm || { touch /d/warm; exit 1; }"
volumes = ["./data:/d"]
retries = 2
backoff = { initial = "10ms" }
[jobs.hopeless]
command = "echo try; exit 5"
restart = "on-failure:2"
[jobs.second]
command = "true"
depends_on = ["error"]
[jobs.third]
command = "true"
depends_on = ["fine", "second"]
[jobs.last]
command = "true"
depends_on = ["fine", "flaky"]
"""

VICTIM = r"(tail \(pid \d+\)|1 process\(es\))"
"""By name where the kernel's log tells."""

EXPECTED = {
    "fine": ("succeeded", "Completed", 0, 1, "exit code 0"),
    "loud": ("succeeded", "Completed", 0, 1, "exit code 0"),
    "odd": ("succeeded", "Completed", 4, 1, "exit code 4"),
    "error": ("failed", "Error", 3, 1, "exit code 3"),
    "absent": ("failed", "StartError", 127, 1, "command not found: no-such-program"),
    "forbidden": ("failed", "StartError", 126, 1, "cannot execute /etc/passwd: permission denied"),
    "unstartable": ("failed", "StartError", 125, 1, "user: .*somebody.*"),
    "signalled": ("failed", "Error", 138, 1, "killed by SIGUSR1"),
    "murdered": ("failed", "Error", 137, 1, "killed by SIGKILL"),
    "hungry": (
        "failed", "OOMKilled", 137, 1,
        rf"killed by SIGKILL; {VICTIM} killed for memory: limit 16MiB, peak 16MiB",
    ),
    "coping": (
        "succeeded", "Completed", 0, 1,
        rf"exit code 0; {VICTIM} killed for memory: limit 16MiB, peak 16MiB",
    ),
    "late": (
        "failed", "DeadlineExceeded", 137, 1,
        "killed by SIGKILL; ran longer than its timeout of 300ms",
    ),
    "flaky": ("succeeded", "Completed", 0, 2, "exit code 0"),
    "hopeless": ("failed", "Error", 5, 3, "exit code 5"),
    "second": ("skipped", "Skipped", None, 0, "second <- error: Error, exit code 3"),
    "third": ("skipped", "Skipped", None, 0, "third <- second <- error: Error, exit code 3"),
    "last": ("succeeded", "Completed", 0, 1, "exit code 0"),
}  # fmt: skip


@frozen(kw_only=True)
class Scene:
    """The `up` that has ended, and what is asked about it."""

    up: subprocess.CompletedProcess[str]
    pocker: Pocker


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Run the file once; look for what it left once more when all tests are done."""
    before = observe()
    top = Path(tempfile.mkdtemp(prefix="pk-"))
    (top / "data").mkdir()
    directories = Directories(root=f"{top}/root", state=f"{top}/state")
    pocker = Pocker(directories=directories, top=top)
    up = pocker.run("up", pocker.file(JOBS))
    assert left_behind(before) == []
    yield Scene(up=up, pocker=pocker)
    shutil.rmtree(top)


def test_nothing_is_left_on_the_machine(scene: Scene) -> None:
    """No container has a directory, a layer or a socket any more once all have ended."""
    directories = scene.pocker.directories
    for place in (directories.containers, f"{directories.state}/containers"):
        assert list(Path(place).iterdir()) == []
    assert not Path(directories.root, "control.sock").exists()
    everything = Path(directories.root).rglob("*")
    assert not [path for path in everything if path.is_fifo() or path.is_socket()]


@pytest.mark.parametrize("job", EXPECTED)
def test_each_job_ends_with_the_truth(scene: Scene, job: str) -> None:
    """State, reason, exit code, attempts, and the cause in words."""
    state, reason, code, attempts, detail = EXPECTED[job]
    (run,) = scene.pocker.json("history", job)
    assert (run["state"], run["reason"], run["exit_code"]) == (state, reason, code)
    assert run["attempts"] == attempts
    assert re.fullmatch(detail, run["detail"])


def test_up_fails_where_a_required_job_failed(scene: Scene) -> None:
    """The exit code is 1."""
    assert scene.up.returncode == 1


def test_lines_come_behind_aligned_names(scene: Scene) -> None:
    """Both streams of all jobs go to stdout and nothing else does."""
    lines = scene.up.stdout.splitlines()
    assert "fine        | out" in lines
    assert "fine        | err" in lines
    assert "fine        | unfinished" in lines
    assert [line for line in lines if line.startswith("loud ")][-1] == "loud        | 50000"
    assert {line[10:14] for line in lines} == {"  | "}


def test_the_log_and_the_summary_go_to_stderr(scene: Scene) -> None:
    """JSON lines, where nobody looks, and then a plain table with a line for each job."""
    lines = scene.up.stderr.splitlines()
    headers = next(index for index, line in enumerate(lines) if line.startswith("JOB "))
    events = [json.loads(line) for line in lines[:headers]]
    assert {"job started", "job ended", "job retries", "job out of memory"} <= {
        event["event"] for event in events
    }
    assert [line.split()[0] for line in lines[headers + 1 :]] == list(scene_order())
    (hungry,) = (line for line in lines[headers:] if line.startswith("hungry "))
    assert hungry.split()[1:5] == ["failed", "OOMKilled", "137", "1"]
    assert hungry.endswith(" (allowed to fail)")


def scene_order() -> list[str]:
    """All jobs, each after those it depends on."""
    return [*(job for job in EXPECTED if job not in LATER), *LATER]


LATER = ("second", "last", "third")


def test_ps_lists_what_goes_on(scene: Scene) -> None:
    """Nothing does, so there are the headers only; with --all there is a line for each job."""
    (headers,) = scene.pocker.ask("ps").splitlines()
    assert headers.split() == [
        "JOB", "STATE", "REASON", "EXIT", "ATTEMPT", "STARTED", "ELAPSED", "PID", "CONTAINER",
        "MEMORY",
    ]  # fmt: skip
    assert scene.pocker.json("ps") == []
    assert len(scene.pocker.ask("ps", "-a").splitlines()) == len(EXPECTED) + 1


def test_ps_tells_programs_everything(scene: Scene) -> None:
    """Times are in UTC, and what is not there is null."""
    runs = {run["job"]: run for run in scene.pocker.json("ps", "-a")}
    flaky, third = runs["flaky"], runs["third"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", flaky["started"])
    assert (flaky["attempt"], flaky["exit_code"], flaky["pid"]) == (2, 0, None)
    assert re.fullmatch(r"test-flaky-[0-9a-f]{8}", flaky["container"])
    assert (third["attempt"], third["container"], third["started"], third["elapsed"]) == (None,) * 4


def test_logs_are_the_exact_bytes_of_a_job(scene: Scene) -> None:
    """Of both streams or one, and not one byte more."""
    assert scene.pocker.ask("logs", "fine", "--stream", "stdout") == "out\nunfinished"
    assert scene.pocker.ask("logs", "fine", "--stream", "stderr") == "err\n"
    assert scene.pocker.ask("logs", "loud") == "".join(f"{number}\n" for number in range(1, 50001))


def test_logs_have_all_attempts_or_one(scene: Scene) -> None:
    """The run is what counts; a single attempt is chosen by its number."""
    assert scene.pocker.ask("logs", "hopeless") == "try\ntry\ntry\n"
    assert scene.pocker.ask("logs", "hopeless", "--tail", "2") == "try\ntry\n"
    assert scene.pocker.ask("logs", "hopeless", "--attempt", "2") == "try\n"


def test_logs_of_several_jobs_are_told_apart(scene: Scene) -> None:
    """They are put together by time, each line behind its name."""
    lines = scene.pocker.ask("logs", "flaky", "hopeless").splitlines()
    assert sorted(lines) == ["flaky    | try"] * 2 + ["hopeless | try"] * 3


def test_logs_have_times_on_request(scene: Scene) -> None:
    """RFC 3339 in UTC, in front of each line, and usable for --since."""
    lines = scene.pocker.ask("logs", "-t", "hopeless").splitlines()
    assert len(lines) == 3
    moment = lines[1].split()[0]
    assert scene.pocker.ask("logs", "-t", "hopeless", "--since", moment).splitlines() == lines[1:]
    assert scene.pocker.ask("logs", "-t", "hopeless", "--until", moment).splitlines() == lines[:1]


def test_logs_can_be_followed_when_all_is_over(scene: Scene) -> None:
    """It ends at once, with everything."""
    assert scene.pocker.ask("logs", "-f", "hopeless") == "try\ntry\ntry\n"
    assert scene.pocker.ask("logs", "-f", "-n", "1", "hopeless") == "try\n"
    assert scene.pocker.ask("logs", "-f", "absent") == ""


def test_history_is_bounded_and_newest_first(scene: Scene) -> None:
    """As many runs as were asked for, the last one on top."""
    lines = scene.pocker.ask("history", "--limit", "2").splitlines()
    assert [line.split()[1] for line in lines] == ["JOB", *reversed(scene_order()[-2:])]


def test_inspect_shows_definition_runs_and_attempts(scene: Scene) -> None:
    """Everything in one document for each job."""
    hungry, hopeless = json.loads(scene.pocker.ask("inspect", "hungry", "hopeless"))
    assert hungry["spec"]["limits"]["memory"] == 16 << 20
    assert hungry["file"] == str(scene.pocker.top / "jobs.toml")
    (attempt,) = hungry["runs"][0]["attempts"]
    assert (attempt["oom_kills"], attempt["signal"], attempt["reason"]) == (1, 9, "OOMKilled")
    assert attempt["memory_peak"] == 16 << 20
    assert [attempt["exit_code"] for attempt in hopeless["runs"][0]["attempts"]] == [5, 5, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["logs", "flakey"], 'no such container: flakey; did you mean "flaky"?'),
        (["history", "flakey"], 'no such container: flakey; did you mean "flaky"?'),
        (["logs", "--attempt", "4", "flaky"], "the last run of job flaky has no attempt 4 but 2"),
        (["stop", "flakey"], 'no such container: flakey; did you mean "flaky"?'),
        (["stop", "flaky"], "job flaky is not running: succeeded, exit code 0"),
        (["kill", "flaky"], "cannot kill container flaky: it is not running"),
        (["down"], "no supervisor is running on {}"),
    ],
)
def test_what_is_not_there_is_named(scene: Scene, arguments: list[str], message: str) -> None:
    """One line on stderr, exit code 1."""
    directories = scene.pocker.directories
    called = call("--root", directories.root, "--state", directories.state, *arguments)
    assert (called.code, called.stdout) == (1, "")
    assert called.stderr == f"pocker: {message.format(directories.state)}\n"
