"""What job output costs: one job that floods us, and conmon, with lines; many that say a little.

    python -m bench.logs [--rounds N]

Who reads and logs has one core, the job that writes another. Two figures for each: what was
logged in a second, and in a second of the reader's processor time, which also holds on a machine
that has other things to do. conmon writes podman's k8s-file log, for a container of runc, and
begins it
anew at the size at which we rotate: what a slow disk does to huge logs is not measured.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from bench.peers import find_program, make_bundle, make_root, run_quietly
from bench.service import Place, processor_seconds, running
from supervisor.journal import Journal
from supervisor.lock import holder
from supervisor.logs import LogLimits, LogWriter, pump_stream

CHATTER_SOURCE = Path(__file__).with_name("chatter.c")
LINE = 72
PUMPED = 10_000_000 * LINE
SUPERVISED = 28_000_000 * LINE
BY_CONMON = 5_000_000 * LINE
CHATTY_JOBS = 200
LINES_PER_SECOND = 100
CHATTY_SECONDS = 10.0

_PR_SET_CHILD_SUBREAPER = 36


@frozen
class Speed:
    """Bytes a second, and bytes a second of processor time."""

    wall: float
    processor: float


@frozen(kw_only=True)
class Ground:
    """Where it is measured: a directory, a root with the chatter in it, and two cores."""

    directory: Path
    root: Path
    readers_core: int
    jobs_core: int

    def flood(self, size: int) -> list[str]:
        """The command of a job that writes so many bytes."""
        return ["/bin/chatter", str(self.jobs_core), "flood", str(size)]

    @contextmanager
    def on_readers_core(self) -> Iterator[None]:
        """What is started meanwhile runs on the reader's core."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.readers_core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def pump_alone(ground: Ground, number: int) -> Speed:
    """A pump without a container around the job."""
    directory = ground.directory / f"pump-{number}"
    directory.mkdir()
    limits = LogLimits()
    _, flood, *words = ground.flood(PUMPED)
    chatter = [str(ground.root / "bin/chatter"), flood, *words]
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(read_end, False)
    with (
        tempfile.NamedTemporaryFile(dir="/dev/shm") as spool,
        LogWriter(str(directory), spool.name, limits=limits, on_event=print) as writer,
        ground.on_readers_core(),
    ):
        job = subprocess.Popen(chatter, stdout=write_end)
        os.close(write_end)
        begin, used = time.perf_counter(), time.process_time()
        trio.run(partial(pump_stream, read_end, writer, "stdout", ending=trio.Event()))
        speed = Speed(PUMPED / (time.perf_counter() - begin), PUMPED / (time.process_time() - used))
    os.close(read_end)
    assert job.wait() == 0
    return speed


def supervised(ground: Ground, number: int) -> Speed:
    """A supervisor in the background, as it is started by its users."""
    place = Place(ground.directory, ground.root, f"supervised-{number}")
    place.write(1, None, command=ground.flood(SUPERVISED))
    with ground.on_readers_core():
        pid = _start(place)
    used = _processor_seconds_to_the_end(pid)
    journal = Journal.read(place.database)
    assert journal is not None
    (run,) = journal.runs()
    (attempt,) = journal.attempts(run.id)
    journal.close()
    assert (attempt.exit_code, attempt.elapsed is None) == (0, False)
    return Speed(SUPERVISED / (attempt.elapsed or 1), SUPERVISED / used)


def conmon(ground: Ground, number: int) -> Speed:
    """What podman would start beside runc, and how."""
    directory = ground.directory / f"conmon-{number}"
    bundle = make_bundle(directory, ground.root, *ground.flood(BY_CONMON))
    name = f"pocker-bench-{os.getpid()}-{number}"
    runc = [find_program("runc"), "--root", f"{directory}/state"]
    pidfile = directory / "conmon.pid"
    command = [
        find_program("conmon"), "--cid", name, "--cuuid", name, "--name", name,
        "--runtime", runc[0], "--runtime-arg", runc[1], "--runtime-arg", runc[2],
        "--bundle", str(bundle), "--container-pidfile", f"{directory}/container.pid",
        "--conmon-pidfile", str(pidfile), "--log-path", f"k8s-file:{directory}/log",
        "--exit-dir", str(directory), "--socket-dir-path", str(directory),
        "--log-size-max", str(LogLimits().max_size), "--no-sync-log", "--log-level", "error",
    ]  # fmt: skip
    with ground.on_readers_core():
        run_quietly(command)
    while name not in run_quietly([*runc, "list", "--quiet"]):
        time.sleep(0.01)
    run_quietly([*runc, "start", name])
    begin = time.perf_counter()
    used = _processor_seconds_to_the_end(int(pidfile.read_text()))
    speed = Speed(BY_CONMON / (time.perf_counter() - begin), BY_CONMON / used)
    run_quietly([*runc, "delete", name])
    return speed


def chatty_jobs(ground: Ground) -> float:
    """Per cent of one core."""
    place = Place(ground.directory, ground.root, "chatty")
    command = ["/bin/chatter", "-1", "pace", str(LINES_PER_SECOND)]
    place.write(CHATTY_JOBS, None, command=command, stop_signal="SIGKILL")
    pid = _start(place)
    place.wait_for(running(CHATTY_JOBS))
    before, begin = processor_seconds(pid), time.perf_counter()
    time.sleep(CHATTY_SECONDS)
    used = processor_seconds(pid) - before
    share = 100 * used / (time.perf_counter() - begin)
    run_quietly(place.command("down"))
    _processor_seconds_to_the_end(pid)
    return share


def _start(place: Place) -> int:
    """Start a supervisor in the background; returns its pid."""
    run_quietly(place.command("up", "--detach", str(place.jobs)))
    pid = holder(f"{place.directory}/state")
    assert pid is not None, "it has ended already"
    return pid


def _processor_seconds_to_the_end(pid: int) -> float:
    """Wait until a process has ended, and tell what it has used itself."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    used = processor_seconds(pid)
    os.waitpid(pid, 0)
    return used


def _adopt_orphans() -> None:
    """Make background processes ours when their parents go: what they used is told to parents."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "become a subreaper")


def _report(speeds: Mapping[str, list[Speed]]) -> None:
    print(f"{'72-byte lines of one job':<36}{'MB/s':>9}{'MB per processor second':>27}")
    medians = {
        name: Speed(
            statistics.median(speed.wall for speed in those),
            statistics.median(speed.processor for speed in those),
        )
        for name, those in speeds.items()
    }
    for name, speed in medians.items():
        print(f"{name:<36}{speed.wall / 1e6:>9.0f}{speed.processor / 1e6:>27.0f}")
    own, other = medians["supervisor"], medians["conmon, k8s-file"]
    print(
        f"{'supervisor : conmon':<36}{own.wall / other.wall:>9.1f}"
        f"{own.processor / other.processor:>27.1f}"
    )


def main() -> None:
    """Measure in turns and print medians."""
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    _adopt_orphans()
    cores = sorted(os.sched_getaffinity(0))
    contenders: Mapping[str, Callable[[Ground, int], Speed]] = {
        "pump alone": pump_alone,
        "supervisor": supervised,
        "conmon, k8s-file": conmon,
    }
    with tempfile.TemporaryDirectory(prefix="pocker-bench-") as scratch:
        directory = Path(scratch)
        root = make_root(directory / "busybox")
        flags = ["-O2", "-static", "-Wall", "-Wextra", "-Werror"]
        target = str(root / "bin/chatter")
        run_quietly([find_program("gcc"), *flags, "-o", target, str(CHATTER_SOURCE)])
        ground = Ground(directory=directory, root=root, readers_core=cores[0], jobs_core=cores[-1])
        speeds: dict[str, list[Speed]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, measure in contenders.items():
                speeds[name].append(measure(ground, number))
        _report(speeds)
        share = chatty_jobs(ground)
    print(f"{CHATTY_JOBS} jobs, {LINES_PER_SECOND} lines a second each{share:>11.1f} % of a core")


if __name__ == "__main__":
    main()
