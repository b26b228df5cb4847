"""The supervisor dies at any moment and starts again: nothing of the output is lost."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.logs.journal import Entry, FakeJournal
from tests.integration.logs.scene import Scene

DEATHS = 25
LIMIT = 50_000

JOB = """
import os, signal
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
def put(fd, text):
    while text:
        text = text[os.write(fd, text):]
number = 0
while not stop:
    put(1, b"".join(b"%07d out %050d\\n" % (n, n) for n in range(number, number + 500)))
    put(2, b"".join(b"%07d err\\n" % n for n in range(number, number + 500)))
    number += 500
put(1, b"that was all")
"""

SUPERVISOR = """
import os, select, signal, sys
import supervisor.logs.compression  # now, lest it takes all the time
from supervisor.logs import LogLimits, LogOrigin, LogWriter
from supervisor.logs.journald import JournaldWriter
driver, directory, spool, seconds, *fifos = sys.argv[1:]
pipes = {}
poll = select.poll()
for stream, path in zip(("stdout", "stderr"), fifos):
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    pipes[pipe] = stream
    poll.register(pipe, select.POLLIN)
# The kernel ends the process as SIGKILL does, at an instant that nothing here can choose.
signal.setitimer(signal.ITIMER_REAL, float(seconds))
if driver == "journald":
    origin = LogOrigin(job="a", run=1, attempt=1, container="c")
    writer = JournaldWriter(spool, origin, on_event=print, journal=directory + "/journal")
else:
    limits = LogLimits(max_size=%d, max_files=10_000, compress=driver == "compressed")
    writer = LogWriter(directory, spool, limits=limits, on_event=print)
while pipes:
    # Read before waiting: nothing wakes who opens a pipe that its last writer has left.
    for pipe in list(pipes):
        turn = writer.pump(pipes[pipe], pipe)
        if turn.busy is not None:
            select.select([], [turn.busy], [])
        if turn.ended:
            poll.unregister(pipe)
            del pipes[pipe]
    if pipes:
        poll.poll()
"""


@pytest.mark.parametrize("driver", ["plain", "compressed"])
def test_every_byte_is_logged_once(scene: Scene, tmp_path: Path, driver: str) -> None:
    """Killed again and again while two streams are written as fast as they are read."""
    longest = 0.03 if driver == "compressed" else 0.004
    _let_supervisors_die(scene, tmp_path, driver, longest)
    out, err = scene.text("stdout"), scene.text("stderr")
    count = err.count(b"\n")
    assert out.startswith(b"0000000 out")
    assert out == b"".join(map(_out_line, range(count))) + b"that was all"
    assert err == b"".join(map(_err_line, range(count)))
    assert max(scene.sizes().values()) <= LIMIT
    packed = [name for name in scene.sizes() if name.endswith(".zst")]
    assert bool(packed) == (driver == "compressed")


def test_every_line_reaches_the_journal(scene: Scene, tmp_path: Path) -> None:
    """In order and whole; only the one that was being sent at a death may come twice."""
    with FakeJournal(f"{scene.directory}/journal") as journal, journal.being_read() as entries:
        _let_supervisors_die(scene, tmp_path, "journald", 0.02)
    out, out_twice = _lines_of(entries, b"stdout")
    err, err_twice = _lines_of(entries, b"stderr")
    assert out == [*(_out_line(number)[:-1] for number in range(len(err))), b"that was all"]
    assert err == [_err_line(number)[:-1] for number in range(len(err))]
    assert out_twice + err_twice <= DEATHS


def _lines_of(entries: list[Entry], stream: bytes) -> tuple[list[bytes], int]:
    """The lines of a stream, and how many of them came twice."""
    lines = [entry["MESSAGE"] for entry in entries if entry["POCKER_STREAM"] == stream]
    once = [line for line, _ in itertools.groupby(lines)]
    return once, len(lines) - len(once)


def _out_line(number: int) -> bytes:
    return b"%07d out %050d\n" % (number, number)


def _err_line(number: int) -> bytes:
    return b"%07d err\n" % number


def _let_supervisors_die(scene: Scene, top: Path, driver: str, longest: float) -> None:
    """Run a job under supervisors that die at random instants, and under one that does not."""
    instants = random.Random(1)
    fifos = [str(top / name) for name in ("out", "err")]
    with ExitStack() as stack:
        job = stack.enter_context(_start_job(stack, fifos))
        stack.callback(job.kill)
        for _ in range(DEATHS):
            status = _supervise(scene, fifos, driver, instants.uniform(0.0001, longest))
            assert status == -signal.SIGALRM
        job.terminate()
        assert _supervise(scene, fifos, driver, 0) == 0
        assert job.wait() == 0


def _start_job(stack: ExitStack, fifos: list[str]) -> subprocess.Popen[bytes]:
    for fifo in fifos:
        os.mkfifo(fifo)
        # As PID 1 of a container does: a dead supervisor loses nothing of what is in the pipe.
        stack.callback(os.close, os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
    with ExitStack() as own:
        ends = [os.open(fifo, os.O_WRONLY) for fifo in fifos]
        for end in ends:
            own.callback(os.close, end)
        return subprocess.Popen([sys.executable, "-c", JOB], stdout=ends[0], stderr=ends[1])


def _supervise(scene: Scene, fifos: list[str], driver: str, seconds: float) -> int:
    """Run a supervisor that dies after so many seconds (0: at end-of-file); returns its status."""
    arguments = [driver, scene.directory, scene.spool, str(seconds), *fifos]
    program = SUPERVISOR % LIMIT
    return subprocess.run([sys.executable, "-c", program, *arguments], check=False).returncode
