"""What a service manager is told by a supervisor that it has started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.systemd.conftest import Manager

pytestmark = pytest.mark.root

FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.05; done"
TWO = f"""\
[defaults]
image = "host"
[jobs.stays]
command = "{FOREVER}"
[jobs.fails]
command = "exit 3"
depends_on = {{ stays = {{ condition = "service_started" }} }}
"""
ONE = f"""\
[jobs.stays]
image = "host"
command = "{FOREVER}"
"""


def adopted(manager: Manager) -> dict[str, int]:
    """The pids of all running jobs."""
    return {run["job"]: run["pid"] for run in manager.pocker.json("ps")}


def test_ready_comes_first_and_the_status_follows_the_jobs(manager: Manager) -> None:
    """READY when jobs begin, then a line for each change that lasts; nothing is said twice."""
    manager.start(manager.pocker.file(TWO))
    first = manager.told.message()
    assert first["READY"] == "1"
    assert " waiting, 0 failed" in first["STATUS"]
    seen = manager.told.until(STATUS="1 running, 0 waiting, 1 failed")
    lines = [first["STATUS"], *(message["STATUS"] for message in seen)]
    assert all(before != after for before, after in pairwise(lines))


def test_the_end_of_all_jobs_is_told(manager: Manager) -> None:
    """Nobody has asked for it, so STOPPING says that it was meant; the code is that of the jobs."""
    process = manager.start(manager.pocker.file('[jobs.a]\nimage = "host"\ncommand = "exit 3"'))
    last = manager.told.until(STOPPING="1")[-1]
    assert last["STATUS"] == "stopping: 0 running, 0 waiting, 1 failed"
    assert manager.finish(process) == 1


def test_an_ordered_end_asks_for_the_time_that_it_takes(manager: Manager) -> None:
    """STOPPING, and more time from then on."""
    process = manager.start(manager.pocker.file(TWO))
    manager.told.until(STATUS="1 running, 0 waiting, 1 failed")
    process.send_signal(signal.SIGTERM)
    manager.told.until(STOPPING="1")
    manager.told.until(EXTEND_TIMEOUT_USEC="15000000")
    assert manager.finish(process) == 143


def test_a_stuck_event_loop_gives_no_sign_of_life(manager: Manager) -> None:
    """They come from the loop itself, at least twice in the interval, and stop with it."""
    process = manager.start(manager.pocker.file(ONE), environ={"WATCHDOG_USEC": "600000"})
    began = time.monotonic()
    for _ in range(5):
        manager.told.until(WATCHDOG="1")
    assert time.monotonic() - began < 5 * 30  # each was waited for, so the loop lives
    process.send_signal(signal.SIGSTOP)
    _, status = waitpid_stopped(process)
    assert status == signal.SIGSTOP
    manager.told.waiting()
    assert select.select([manager.told.socket], [], [], 1.2) == ([], [], [])
    process.send_signal(signal.SIGCONT)
    manager.told.until(WATCHDOG="1")


def waitpid_stopped(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Wait until the process has stopped; returns its pid and the signal."""
    pid, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    return pid, os.WSTOPSIG(status)


def test_a_reload_is_told_from_its_begin_to_its_end(manager: Manager) -> None:
    """RELOADING with the time that systemd compares with that of its own signal, then READY."""
    file = manager.pocker.file(ONE)
    process = manager.start(file)
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    manager.pocker.file(ONE + ONE.replace("stays", "new"))
    asked = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    process.send_signal(signal.SIGHUP)
    begun = manager.told.until(RELOADING="1")[-1]
    assert asked <= int(begun["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    manager.told.until(READY="1")
    manager.told.until(STATUS="2 running, 0 waiting, 0 failed")


def test_a_reload_of_a_file_with_mistakes_ends_as_well(manager: Manager) -> None:
    """The manager would wait for READY otherwise; the jobs run on as they did."""
    process = manager.start(manager.pocker.file(ONE))
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    before = adopted(manager)
    manager.pocker.file("[jobs.stays]\ncomand = 1\n")
    process.send_signal(signal.SIGHUP)
    manager.told.until(RELOADING="1")
    manager.told.until(READY="1")
    assert adopted(manager) == before
    manager.pocker.file(ONE)


def test_a_supervisor_that_lets_go_is_followed_by_one_that_takes_up(manager: Manager) -> None:
    """SIGQUIT, as a restart sends it, ends nobody else: same jobs, same pids, one session."""
    file = manager.pocker.file(ONE)
    process = manager.start(file)
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    before = adopted(manager)
    process.send_signal(signal.SIGQUIT)
    assert manager.finish(process) == 131
    manager.told.waiting()
    assert Path(f"/proc/{before['stays']}").exists()
    process = manager.start(file)
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    assert adopted(manager) == before
    process.send_signal(signal.SIGTERM)
    assert manager.finish(process) == 143
    assert manager.pocker.states() == {"stays": "cancelled"}


def test_a_service_does_not_attach(manager: Manager) -> None:
    """Where another supervisor has the file, the service fails instead of looking on for ever."""
    file = manager.pocker.file(ONE)
    assert manager.pocker.run("up", "-d", file).returncode == 0
    process = manager.start(file, stderr=subprocess.DEVNULL)
    assert manager.finish(process) == 125
