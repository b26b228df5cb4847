"""What a whole supervisor costs: many short jobs, many idle ones, taking over, seeing OOM kills.

    python -m bench.service [--rounds N]

Each figure is of `python -m supervisor up` as a user calls it, in directories of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.peers import make_root
from supervisor.journal import EventKind, Journal

TICKS = os.sysconf("SC_CLK_TCK")
SHORT_JOBS = 500
SLEEPING_JOBS = 200
IDLE_SECONDS = 10.0
OOM_JOBS = 20


class Place:
    """A jobs file and the directories of a supervisor, below one directory."""

    def __init__(self, directory: Path, root: Path, name: str) -> None:
        self.directory = directory / name
        self.directory.mkdir()
        self.image = root
        self.jobs = self.directory / "jobs.toml"
        self.database = self.directory / "state/state.db"

    def write(self, count: int, concurrency: int | None, **keys: object) -> None:
        """A file of `count` jobs with these keys."""
        top = {"name": "bench"} | ({} if concurrency is None else {"concurrency": concurrency})
        lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
        lines += ["[defaults]", f"image = {json.dumps(str(self.image))}"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        lines += [f"[jobs.job{number}]" for number in range(count)]
        self.jobs.write_text("\n".join(lines))

    def command(self, *words: str) -> list[str]:
        """A command line of ours in this place."""
        own = ["--root", f"{self.directory}/run", "--state", f"{self.directory}/state"]
        return [sys.executable, "-m", "supervisor", "--log-level", "error", *own, *words]

    def start(self) -> subprocess.Popen[bytes]:
        """`up` in the background."""
        return subprocess.Popen(
            self.command("up", str(self.jobs)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_for(self, condition: Callable[[Journal], bool]) -> None:
        """Return once the journal fulfils a condition."""
        while True:
            journal = Journal.read(self.database)
            if journal is not None:
                try:
                    if condition(journal):
                        return
                finally:
                    journal.close()
            time.sleep(0.01)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Stop what is running in the end, in order."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def short_jobs(place: Place) -> float:
    """Jobs per second, the supervisor's own start and end included."""
    place.write(SHORT_JOBS, 4, command=["/bin/true"])
    begin = time.perf_counter()
    done = subprocess.run(place.command("up", str(place.jobs)), capture_output=True, check=True)
    assert done.returncode == 0
    return SHORT_JOBS / (time.perf_counter() - begin)


def running(count: int) -> Callable[[Journal], bool]:
    """Whether so many runs are running."""

    def enough(journal: Journal) -> bool:
        return sum(run.state == "running" for run in journal.runs()) == count

    return enough


def processor_seconds(pid: int) -> float:
    """What a process has used up to now, without its children; also one that is not reaped."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def idle_and_adoption(place: Place) -> tuple[float, float]:
    """Per cent of one core with sleeping jobs, and seconds until all are taken over."""
    place.write(SLEEPING_JOBS, None, command=["/bin/sleep", "1000"], stop_signal="SIGKILL")
    first = place.start()
    place.wait_for(running(SLEEPING_JOBS))
    before = processor_seconds(first.pid)
    time.sleep(IDLE_SECONDS)
    idle = 100 * (processor_seconds(first.pid) - before) / IDLE_SECONDS
    first.kill()
    first.wait()

    begin = time.time()

    def adopted(journal: Journal) -> bool:
        events = journal.events(since=begin)
        return sum("adopted" in event.detail for event in events) == SLEEPING_JOBS

    with ended(place.start()):
        place.wait_for(adopted)
        taken = time.time() - begin
    return idle, taken


def oom_latency(place: Place) -> float:
    """Median milliseconds from the kernel's line about a kill to the event in the journal."""
    place.write(OOM_JOBS, 1, command="exec dd if=/dev/zero of=/dev/null bs=64M", memory="16m")
    with open("/dev/kmsg", "rb", buffering=0) as kernel:
        os.lseek(kernel.fileno(), 0, os.SEEK_END)
        os.set_blocking(kernel.fileno(), False)
        subprocess.run(place.command("up", str(place.jobs)), capture_output=True, check=False)
        killed = dict(_kills(kernel.fileno()))
    journal = Journal.read(place.database)
    assert journal is not None
    delays = [
        event.time - killed[victim["pid"]]
        for event in journal.events()
        if event.kind is EventKind.OOM
        for victim in _victims(event.data)
        if victim["pid"] in killed
    ]
    journal.close()
    return 1000 * statistics.median(delays)


def _victims(data: Mapping[str, object]) -> list[dict[str, int]]:
    victims = data["victims"]
    assert isinstance(victims, list)
    return victims


def _kills(kernel: int) -> Iterator[tuple[int, float]]:
    """(pid, seconds since the epoch) of each kill in the kernel's log."""
    # The log counts in the clock that stops while the machine is suspended, and so do we.
    offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    while True:
        try:
            record = os.read(kernel, 8192)
        except BlockingIOError:
            return
        if b"oom-kill:" in record:
            microseconds = int(record.split(b",")[2])
            pid = int(record.rpartition(b",pid=")[2].split(b",")[0])
            yield pid, microseconds / 1e6 + offset


def main() -> None:
    """Measure and print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    rates, idles, adoptions, delays = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="pocker-bench-") as scratch:
        directory = Path(scratch)
        root = make_root(directory / "busybox")
        for number in range(rounds):
            rates.append(short_jobs(Place(directory, root, f"short-{number}")))
            idle, taken = idle_and_adoption(Place(directory, root, f"idle-{number}"))
            idles.append(idle)
            adoptions.append(taken)
            delays.append(oom_latency(Place(directory, root, f"oom-{number}")))
    for text, values, unit in (
        (f"{SHORT_JOBS} short jobs, 4 at once", rates, "jobs/s"),
        (f"idle with {SLEEPING_JOBS} sleeping jobs", idles, "% of a core"),
        (f"taking over {SLEEPING_JOBS} running jobs", adoptions, "s"),
        ("from OOM kill to event", delays, "ms"),
    ):
        print(f"{text:<36}{statistics.median(values):>9.2f} {unit}")


if __name__ == "__main__":
    main()
