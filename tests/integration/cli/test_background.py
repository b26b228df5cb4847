"""A supervisor in the background, and what is left when it is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, finish, read_until, wait_until
from tests.integration.cli.test_ending import POLITE, SERVICES, STUBBORN, is_before
from tests.supervisor.cli.calling import imported_by

pytestmark = pytest.mark.root


def wait_for(pocker: Pocker, job: str, line: str) -> None:
    """Return when a job has written this line."""
    wait_until(lambda: "running" in pocker.states()[job])
    wait_until(lambda: line in pocker.ask("logs", job).splitlines())


def kill_supervisor(pocker: Pocker) -> int:
    """End the supervisor as only SIGKILL can; returns its pid."""
    pid = holder(pocker.directories.state)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: holder(pocker.directories.state) is None)
    return pid


def test_up_in_the_background_and_down(pocker: Pocker) -> None:
    """One line with the pid; then everything is stopped in order, and it is said how it ended."""
    started = pocker.stdout("up", "--detach", pocker.file(SERVICES))
    pid = holder(pocker.directories.state)
    assert started == f"supervisor running, pid {pid}\n"
    assert os.getsid(pid or 0) == pid
    for job in ("database", "server", "client"):
        wait_for(pocker, job, "up")
    lines = pocker.stdout("down").splitlines()
    assert lines[-1] == f"supervisor ended, pid {pid}"
    assert lines[0] == "database: cancelled, exit code 0; stopped on request"
    assert lines[-2].startswith("later: cancelled, ")
    assert holder(pocker.directories.state) is None
    assert set(pocker.states().values()) == {"cancelled"}


def test_its_own_log_is_json_and_holds_no_output(pocker: Pocker) -> None:
    """What jobs say is in their logs, and not there once more."""
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "echo said; sleep 0.2"')
    pocker.stdout("up", "-d", file)
    assert pocker.ask("logs", "-f", "a") == "said\n"
    text = Path(pocker.directories.state, "supervisor.log").read_text()
    assert json.loads(text.splitlines()[0])["event"] == "job started"
    assert "said" not in text
    assert Path(pocker.directories.state, "supervisor.log").stat().st_mode & 0o777 == 0o600
    pocker.run("down")


@pytest.mark.parametrize("options", [["--now"], ["--timeout", "100ms"]])
def test_down_kills_who_does_not_listen(pocker: Pocker, options: list[str]) -> None:
    """At once, or after so much time; never after the ten seconds that it would be given."""
    pocker.stdout("up", "-d", pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{STUBBORN}"'))
    wait_for(pocker, "a", "up")
    began = time.monotonic()
    ended = pocker.run("down", *options)
    assert time.monotonic() - began < 9
    assert ended.returncode == 0
    assert ended.stdout.startswith("a: cancelled, killed by SIGKILL; stopped on request\n")
    assert ("not all had ended within 100ms" in ended.stderr) is (options[0] == "--timeout")


def test_jobs_of_a_killed_supervisor_are_seen_and_ended(pocker: Pocker) -> None:
    """`ps` says that nobody supervises any more, and `down` ends what is left, in order."""
    file = pocker.file(SERVICES)
    pocker.stdout("up", "-d", file)
    for job in ("database", "server", "client", "other"):
        wait_for(pocker, job, "up")
    pid = kill_supervisor(pocker)
    seen = pocker.run("ps")
    assert seen.returncode == 0
    assert seen.stderr == (
        f"pocker: the supervisor (pid {pid}) is gone, and this is the last that it wrote down:"
        f" `up {file}` takes its jobs up again, `down` ends them\n"
    )
    assert [line.split()[1] for line in seen.stdout.splitlines()[1:]].count("running") == 4
    lines = pocker.stdout("down").splitlines()
    assert lines[-1] == f"supervisor had ended before, pid {pid}"
    assert lines[0] == "database: cancelled, exit code 0; stopped on request"
    assert set(pocker.states().values()) == {"cancelled"}
    lines = pocker.ask("logs", "database", "server", "client").splitlines()
    assert is_before(lines, "client   | bye", "server   | bye")
    assert is_before(lines, "server   | bye", "database | bye")


def test_jobs_can_be_ended_without_their_file(pocker: Pocker) -> None:
    """A file that is gone or broken holds up no one: its jobs are stopped in the usual way."""
    file = pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{POLITE}"')
    pocker.stdout("up", "-d", file)
    wait_for(pocker, "a", "up")
    kill_supervisor(pocker)
    Path(file).unlink()
    assert pocker.stdout("down").startswith("a: cancelled, exit code 0; stopped on request\n")


def test_ps_asks_without_being_able_to_supervise(pocker: Pocker) -> None:
    """Also where there is much to tell, it imports nothing that only a supervisor needs."""
    pocker.stdout("up", "-d", pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{POLITE}"'))
    directories = pocker.directories
    imported = imported_by("--root", directories.root, "--state", directories.state, "ps")
    assert "http.client" in imported
    assert not imported & {"trio", "structlog", "rich", "runtime._native", "supervisor.service"}
    pocker.stdout("down")


def test_output_is_followed_from_attempt_to_attempt(pocker: Pocker) -> None:
    """Every line of every attempt is there as soon as it is written, until the runs have ended."""
    (pocker.top / "data").mkdir()
    command = "echo here; until rm /d/go 2>/dev/null; do sleep 0.05; done; echo over; test -e /d/ok"
    file = pocker.file(
        f'[jobs.a]\nimage = "host"\ncommand = "{command}"\nretries = 1\nbackoff = "10ms"\n'
        'volumes = ["./data:/d"]\n[jobs.b]\nimage = "host"\ncommand = "echo begun"\n'
        'depends_on = ["a"]'
    )
    pocker.stdout("up", "-d", file)
    reader = pocker.start("logs", "-f", "a", "b")
    read_until(reader, "a | here")
    (pocker.top / "data/go").touch()
    assert read_until(reader, "a | here") == ["a | over", "a | here"]
    (pocker.top / "data/ok").touch()
    (pocker.top / "data/go").touch()
    assert finish(reader) == (0, ["a | over", "b | begun"], "")


def test_following_outlives_the_supervisor(pocker: Pocker) -> None:
    """Why nothing comes is said; what the job wrote meanwhile comes with the next supervisor."""
    file = pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{POLITE}"')
    pocker.stdout("up", "-d", file)
    reader = pocker.start("logs", "-f", "a")
    read_until(reader, "up")
    for _ in range(2):
        kill_supervisor(pocker)
        assert reader.stderr is not None
        assert reader.stderr.readline() == (
            "pocker: the supervisor is gone; waiting for the next one\n"
        )
        pocker.stdout("up", "-d", file)
    pocker.stdout("down")
    assert finish(reader) == (0, ["bye"], "")


def test_following_ends_on_request(pocker: Pocker) -> None:
    """Ctrl-C ends the reader, quietly, and nothing else."""
    pocker.stdout("up", "-d", pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{POLITE}"'))
    reader = pocker.start("logs", "-f", "a")
    assert reader.stdout is not None
    assert reader.stdout.readline() == "up\n"
    reader.send_signal(signal.SIGINT)
    out, err = reader.communicate(timeout=30)
    assert (reader.returncode, out, err) == (130, "", "")
    assert pocker.states() == {"a": "running"}
    pocker.stdout("down")
