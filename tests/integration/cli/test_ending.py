"""How what runs is brought to its end: by signals, by `stop`, and by what jobs themselves say."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until, wait_until

pytestmark = pytest.mark.root

POLITE = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"
SERVICES = f"""\
[defaults]
image = "host"
[jobs.database]
command = "{POLITE}"
restart = "always"
[jobs.server]
command = "{POLITE}"
depends_on = ["database"]
[jobs.client]
command = "{POLITE}"
depends_on = {{ server = {{ condition = "service_started" }} }}
[jobs.other]
command = "{POLITE}"
[jobs.later]
command = "true"
depends_on = ["client"]
"""
ALL_UP = ("database | up", "server   | up", "client   | up", "other    | up")


def is_before(lines: list[str], first: str, second: str) -> bool:
    """Whether both lines are there, in this order."""
    return lines.index(first) < lines.index(second)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(pocker: Pocker, number: signal.Signals) -> None:
    """Who depends on others ends before them, who waits never begins, and the code is 128+n."""
    process = pocker.start("up", pocker.file(SERVICES))
    read_until(process, *ALL_UP)
    process.send_signal(number)
    code, lines, _ = finish(process)
    assert code == 128 + number
    assert is_before(lines, "client   | bye", "server   | bye")
    assert is_before(lines, "server   | bye", "database | bye")
    assert "other    | bye" in lines
    assert set(pocker.states().values()) == {"cancelled"}


def test_a_second_signal_kills(pocker: Pocker) -> None:
    """Who does not listen is given its time by the first signal, and none by the second."""
    process = pocker.start("up", pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{STUBBORN}"'))
    read_until(process, "a | up")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: pocker.states() == {"a": "stopping"})
    process.send_signal(signal.SIGINT)
    code, _, _ = finish(process)
    assert code == 130
    (run,) = pocker.json("ps", "-a")
    assert (run["reason"], run["exit_code"]) == ("Cancelled", 137)
    assert run["elapsed"] < 10


def test_stop_ends_single_jobs(pocker: Pocker) -> None:
    """The others go on; who waits for a stopped one is skipped, and a waiting one never begins."""
    process = pocker.start("up", pocker.file(SERVICES))
    read_until(process, *ALL_UP)
    shown = pocker.stdout("stop", "client", "other").splitlines()
    assert shown == [
        "client: cancelled, exit code 0; stopped on request",
        "other: cancelled, exit code 0; stopped on request",
    ]
    states = pocker.states()
    assert (states["database"], states["server"]) == ("running", "running")
    assert states["later"] == "skipped"
    refused = pocker.run("stop", "client", "server")
    assert refused.returncode == 1
    assert refused.stderr.startswith("pocker: job client is not running: cancelled, exit code 0")
    assert pocker.states()["server"] == "cancelled", "it is held up by no other"
    refused = pocker.run("stop", "sever")
    assert (refused.returncode, refused.stderr) == (
        1,
        'pocker: no such container: sever; did you mean "server"?\n',
    )
    assert pocker.run("stop", "database").returncode == 0
    code, _, _ = finish(process)
    assert code == 1


def test_ps_shows_what_runs(pocker: Pocker) -> None:
    """Pid, container and memory of what runs, and also what only waits."""
    process = pocker.start("up", pocker.file(SERVICES))
    read_until(process, *ALL_UP)
    rows = [line.split() for line in pocker.ask("ps").splitlines()[1:]]
    assert {row[0]: row[1] for row in rows} == {
        "database": "running",
        "server": "running",
        "client": "running",
        "other": "running",
        "later": "pending",
    }
    runs = {run["job"]: run for run in pocker.json("ps")}
    database = runs["database"]
    assert database["memory"] is None or database["memory"] > 4096
    assert subprocess.run(
        ["readlink", f"/proc/{database['pid']}/ns/pid"], check=True, capture_output=True
    ).stdout.startswith(b"pid:")
    assert runs["later"]["pid"] is None


def test_concurrency_is_bounded(pocker: Pocker) -> None:
    """Never more jobs at once than the file allows, and never fewer where they are there."""
    (pocker.top / "running").mkdir()
    jobs = "".join(f"[jobs.j{number}]\n" for number in range(6))
    process = pocker.start(
        "up",
        pocker.file(
            'concurrency = 2\n[defaults]\nimage = "host"\nvolumes = ["./running:/running"]\n'
            'command = "touch /running/$HOSTNAME; sleep 0.2; ls /running | wc -l;'
            ' rm /running/$HOSTNAME"\n' + jobs
        ),
    )
    code, lines, _ = finish(process)
    assert code == 0
    assert len(lines) == 6
    assert {line.split()[-1] for line in lines} <= {"1", "2"}
    assert "2" in {line.split()[-1] for line in lines}


def test_a_restarted_job_runs_until_it_is_stopped(pocker: Pocker) -> None:
    """`always` goes on after a success, and ends as cancelled on request."""
    process = pocker.start(
        "up",
        pocker.file(
            '[jobs.again]\nimage = "host"\ncommand = "echo try >>/d/tries; wc -l </d/tries"\n'
            'volumes = [".:/d"]\nrestart = "always"\nbackoff = "10ms"'
        ),
    )
    read_until(process, "again | 1", "again | 2", "again | 3")
    assert pocker.stdout("stop", "again").startswith("again: cancelled, ")
    code, _, _ = finish(process)
    assert code == 1
    (run,) = pocker.json("history")
    assert run["attempts"] >= 3


@pytest.mark.parametrize(("decisive", "code"), [("bad", 7), ("good", 0), ("waiting", 1)])
def test_one_job_may_decide(pocker: Pocker, decisive: str, code: int) -> None:
    """`--exit-code-from` returns its code, 1 where it was skipped, whatever became of others."""
    file = pocker.file(
        '[defaults]\nimage = "host"\n[jobs.bad]\ncommand = "exit 7"\n[jobs.good]\n'
        'command = "true"\n[jobs.waiting]\ncommand = "true"\ndepends_on = ["bad"]'
    )
    assert pocker.run("up", "--exit-code-from", decisive, file).returncode == code


def test_up_runs_what_is_named_and_what_that_needs(pocker: Pocker) -> None:
    """Of the others there is no trace."""
    file = pocker.file(
        '[defaults]\nimage = "host"\ncommand = "true"\n[jobs.a]\n[jobs.b]\ndepends_on = ["a"]\n'
        '[jobs.c]\ncommand = "exit 1"'
    )
    assert pocker.run("up", file, "b").returncode == 0
    assert pocker.states() == {"a": "succeeded", "b": "succeeded"}


def test_jobs_go_on_when_nobody_reads(pocker: Pocker) -> None:
    """As in `pocker up FILE | head -1`: the rest of the output is in the logs."""
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "seq 30000"')
    shell = " ".join(pocker.command("up", file)) + " | head -1; echo ${PIPESTATUS[0]}"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["a | 1", "0"]
    assert "output is no longer shown, the jobs go on" in ended.stderr
    assert pocker.ask("logs", "-n", "1", "a") == "30000\n"
