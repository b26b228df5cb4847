"""The supervisor dies at any moment and starts again: every byte is in the log once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.integration.logs.scene import Scene

DEATHS = 25
LIMIT = 500_000

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
from supervisor.logs import LogLimits, LogWriter
directory, spool, limit, seconds, *fifos = sys.argv[1:]
pipes = {}
poll = select.poll()
for stream, path in zip(("stdout", "stderr"), fifos):
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    pipes[pipe] = stream
    poll.register(pipe, select.POLLIN)
limits = LogLimits(max_size=int(limit), max_files=10_000)
# The kernel ends the process as SIGKILL does, at an instant that nothing here can choose.
signal.setitimer(signal.ITIMER_REAL, float(seconds))
writer = LogWriter(directory, spool, limits=limits, on_event=print)
while pipes:
    # Read before waiting: nothing wakes who opens a pipe that its last writer has left.
    for pipe in list(pipes):
        if writer.pump(pipes[pipe], pipe).ended:
            poll.unregister(pipe)
            del pipes[pipe]
    if pipes:
        poll.poll()
"""


def test_every_byte_is_logged_once(scene: Scene, tmp_path: Path) -> None:
    """Killed again and again while two streams are written as fast as they are read."""
    instants = random.Random(1)
    fifos = [str(tmp_path / name) for name in ("out", "err")]
    with ExitStack() as stack:
        job = stack.enter_context(_start_job(stack, fifos))
        stack.callback(job.kill)
        for _ in range(DEATHS):
            status = _supervise(scene, fifos, instants.uniform(0.0001, 0.004))
            assert status == -signal.SIGALRM
        job.terminate()
        assert _supervise(scene, fifos, 0) == 0
        assert job.wait() == 0
    out, err = scene.text("stdout"), scene.text("stderr")
    count = err.count(b"\n")
    assert out.startswith(b"0000000 out")
    assert out == b"".join(map(_out_line, range(count))) + b"that was all"
    assert err == b"".join(b"%07d err\n" % number for number in range(count))
    assert max(scene.sizes().values()) <= LIMIT


def _out_line(number: int) -> bytes:
    return b"%07d out %050d\n" % (number, number)


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


def _supervise(scene: Scene, fifos: list[str], seconds: float) -> int:
    """Run a supervisor that dies after so many seconds (0: at end-of-file); returns its status."""
    arguments = [scene.directory, scene.spool, str(LIMIT), str(seconds), *fifos]
    return subprocess.run([sys.executable, "-c", SUPERVISOR, *arguments], check=False).returncode
