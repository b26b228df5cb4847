"""Jobs that do not do what they are told, and one whose PID 1 is killed from outside."""

from __future__ import annotations

import os
import signal

import pytest

from tests.integration.cli.pocker import Pocker, finish
from tests.integration.faults.scene import Row, kill, running, start, wait_until

pytestmark = pytest.mark.root


def job(command: str, keys: str = "") -> str:
    """A file with one job on the host image."""
    return f'[jobs.a]\nimage = "host"\ncommand = "{command}"\n{keys}'


def pid_of(row: Row) -> int:
    """PID 1 of a job's container."""
    assert row.attempt is not None
    assert row.attempt.pid is not None
    return row.attempt.pid


def test_one_that_ignores_sigterm_is_killed(pocker: Pocker) -> None:
    """It has its grace period and no more."""
    process = start(
        pocker, job("trap '' TERM; while :; do sleep 0.05; done", 'stop_grace_period = "300ms"')
    )
    wait_until(pocker, running("a"))
    process.terminate()
    assert finish(process)[0] == 128 + signal.SIGTERM
    (row,) = pocker.json("ps", "-a")
    assert (row["reason"], row["exit_code"]) == ("Cancelled", 137)


def test_one_that_is_stopped_is_killed(pocker: Pocker) -> None:
    """A job that has suspended itself cannot handle a signal, but it can be killed."""
    process = start(pocker, job("kill -STOP $$$$; sleep 60", 'stop_grace_period = "300ms"'))
    wait_until(pocker, running("a"))
    process.terminate()
    assert finish(process)[0] == 128 + signal.SIGTERM
    (row,) = pocker.json("ps", "-a")
    assert (row["state"], row["reason"]) == ("cancelled", "Cancelled")


def test_a_fork_bomb_stays_within_its_limit(pocker: Pocker) -> None:
    """The job fails by itself or is killed by its timeout; the supervisor and the host go on."""
    bomb = "b() { b | b & }; b; sleep 60"
    process = start(pocker, job(bomb, 'pids_limit = 32\ntimeout = "2s"'))
    code, _, _ = finish(process)
    assert code == 1
    (row,) = pocker.json("ps", "-a")
    assert row["reason"] in ("DeadlineExceeded", "Error")


def test_output_that_nobody_reads_only_waits(pocker: Pocker) -> None:
    """With the supervisor dead a pipe fills up and the job waits; then every byte arrives."""
    text = job("sleep 0.7; head -c 1000000 /dev/zero | tr '\\\\0' x; echo; echo end")
    first = start(pocker, text)
    wait_until(pocker, running("a"))
    kill(first)
    assert pocker.run("up", pocker.file(text)).returncode == 0
    assert pocker.ask("logs", "a") == "x" * 1_000_000 + "\nend\n"


def test_a_killed_pid_1_is_told_as_what_it_is(pocker: Pocker) -> None:
    """The container ends with it, and the outcome is the signal that nobody sent on purpose."""
    process = start(pocker, job("sleep 60"))
    rows = wait_until(pocker, running("a"))
    os.kill(pid_of(rows["a"]), signal.SIGKILL)
    assert finish(process)[0] == 1
    (row,) = pocker.json("ps", "-a")
    assert (row["reason"], row["exit_code"]) == ("Error", 137)
    assert "SIGKILL" in row["detail"]


def test_a_killed_pid_1_is_told_by_the_next_supervisor_too(pocker: Pocker) -> None:
    """Where the supervisor is dead as well, the kernel still knows, or the outcome is Lost."""
    text = job("sleep 60")
    first = start(pocker, text)
    rows = wait_until(pocker, running("a"))
    kill(first)
    os.kill(pid_of(rows["a"]), signal.SIGKILL)
    assert pocker.run("up", pocker.file(text)).returncode == 1
    (row,) = pocker.json("ps", "-a")
    assert row["reason"] in ("Lost", "Error")
    assert row["state"] == "failed"
