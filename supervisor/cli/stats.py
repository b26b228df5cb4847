"""`pocker stats`: what running jobs use, read from their cgroups; needs no supervisor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict, frozen

from runtime.nearest import did_you_mean
from runtime.units import format_size
from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, entries_of, find_all, of_entry
from supervisor.cli.format import Format, format_option
from supervisor.cli.moments import UNKNOWN
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table
from supervisor.cli.terminal import is_animated
from supervisor.journal import AttemptRecord

if TYPE_CHECKING:
    from runtime.cgroups import Cgroups, Load, Strained

HEADERS = (
    "JOB", "CONTAINER", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS",
)  # fmt: skip
PRESSURES: Mapping[str, Strained] = {
    "CPU WAIT %": "cpu", "MEM WAIT %": "memory", "IO WAIT %": "io",
}  # fmt: skip
"""The percentage of the last 10 seconds in which something waited for it."""
INTERVAL = 1.0
"""Seconds between two samples."""
_WIPE = "\x1b[H\x1b[J"


@frozen(kw_only=True)
class Sample:
    """What a container did at one moment; `network` is bytes received and sent, if of its own."""

    container: str
    at: float
    load: Load
    network: tuple[int, int] | None

    def cpu_percent(self, before: Sample | None) -> float | None:
        """Of one processor, since the sample before."""
        if before is None or before.container != self.container or self.at <= before.at:
            return None
        used = self.load.usage.cpu_seconds - before.load.usage.cpu_seconds
        return 100 * used / (self.at - before.at)


@click.command
@click.option("--no-stream", is_flag=True, help="Show it once, after a second.")
@format_option("table", "json")
@click.argument("jobs", nargs=-1, metavar="[JOB|CONTAINER]...", shell_complete=candidates.running)
@click.pass_obj
def command(settings: Settings, *, no_stream: bool, form: Format, jobs: Sequence[str]) -> None:
    """Show what running jobs and containers use and wait for, every second until they end.

    MEM USAGE leaves out page cache that could be dropped at once. WAIT is the part of the last 10
    seconds in which some process waited for that resource (only where there is cgroup v2).
    """
    animated = not no_stream and is_animated(sys.stdout)
    wanted = _wanted(settings, jobs)
    if not _running(wanted):
        _show({}, {}, form, animated=False)
        return
    with _opened() as cgroups:
        now = _sample(wanted, cgroups)
        while True:
            time.sleep(INTERVAL)
            before, now = now, _sample(wanted, cgroups)
            _show(now, before, form, animated=animated)
            if no_stream or not now:
                return


def _wanted(settings: Settings, words: Sequence[str]) -> list[Found]:
    """What was named, or all that there is. Raises Failure for what is not there."""
    jobs = _current_jobs(settings)
    if not words:
        found = [Found(settings=settings, job=job, name=job) for job in jobs]
        return found + [of_entry(settings, entry) for entry in entries_of(settings).values()]
    wanted = find_all(settings, words)
    for each in wanted:
        if each.entry is None and each.job not in jobs:
            raise Failure(f"no job {each.name} is running{did_you_mean(each.name, jobs)}")
    return wanted


def _current_jobs(settings: Settings) -> list[str]:
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        runs = [] if journal is None or session is None else journal.runs(session=session.id)
    return list(dict.fromkeys(run.job for run in runs))


@contextmanager
def _opened() -> Iterator[Cgroups]:
    from runtime.cgroups import Cgroups

    with closing(Cgroups.open()) as cgroups:
        yield cgroups


def _sample(wanted: Sequence[Found], cgroups: Cgroups) -> dict[str, Sample]:
    """What each of these does that runs, by name."""
    from runtime.cgroups import CgroupGone
    from runtime.container.adopting import recorded_paths
    from runtime.errors import CgroupError

    samples = {}
    for found, attempt in _running(wanted):
        directory = found.settings.directories.container(attempt.container)
        try:
            group = cgroups.open_existing(attempt.container, recorded_paths(directory))
            load = group.load()
        except CgroupGone:
            continue  # it has just ended
        except CgroupError as error:
            raise Failure(str(error)) from error
        samples[found.name] = Sample(
            container=attempt.container,
            at=time.monotonic(),
            load=load,
            network=None if attempt.pid is None else _network(attempt.pid),
        )
    return samples


def _running(wanted: Sequence[Found]) -> list[tuple[Found, AttemptRecord]]:
    running = []
    for settings in dict.fromkeys(found.settings for found in wanted):
        with open_journal(settings) as journal:
            if journal is None:
                continue
            for found in wanted:
                run = journal.last_run(found.job) if found.settings == settings else None
                attempts = [] if run is None else journal.attempts(run.id)
                if attempts and attempts[-1].ended is None:
                    running.append((found, attempts[-1]))
    return running


def _network(pid: int) -> tuple[int, int] | None:
    """Bytes received and sent in the network of a process, unless that is the host's."""
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            return None
        with open(f"/proc/{pid}/net/dev") as file:
            return network_bytes(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None


def network_bytes(text: str) -> tuple[int, int]:
    """Bytes received and sent by way of all interfaces but the loopback, from ``/proc/net/dev``."""
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() != "lo":
            words = numbers.split()
            received += int(words[0])
            sent += int(words[8])
    return received, sent


def _show(
    now: Mapping[str, Sample], before: Mapping[str, Sample], form: Format, *, animated: bool
) -> None:
    if form == "json":
        import json

        documents = [document(job, each, before.get(job)) for job, each in now.items()]
        click.echo(json.dumps(documents))
        return
    strained = [kind for kind in PRESSURES.values() if _tells(now, kind)]
    headers = (*HEADERS, *(name for name, kind in PRESSURES.items() if kind in strained))
    rows = [row(job, each, before.get(job), strained) for job, each in now.items()]
    click.echo(_WIPE if animated else "", nl=False)
    click.echo(format_table(headers, rows, colour=False))


def _tells(samples: Mapping[str, Sample], kind: Strained) -> bool:
    return any(kind in each.load.pressure for each in samples.values())


def row(job: str, now: Sample, before: Sample | None, strained: Sequence[Strained]) -> Row:
    """A line of the table."""
    load, usage = now.load, now.load.usage
    waits = [
        _percent(load.pressure[kind].some.avg10 if kind in load.pressure else None)
        for kind in strained
    ]
    limit = load.memory_limit or _host_memory()
    share = None if load.memory_working is None else 100 * load.memory_working / limit
    return (
        job,
        now.container,
        _percent(now.cpu_percent(before)),
        _pair(load.memory_working, limit),
        _percent(share),
        _pair(*(now.network or (None, None))),
        _pair(usage.io_read, usage.io_write),
        UNKNOWN if load.pids is None else str(load.pids),
        *waits,
    )


def _pair(first: int | None, second: int | None) -> str:
    if first is None or second is None:
        return UNKNOWN
    return f"{format_size(first)} / {format_size(second)}"


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}%"


def _host_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def document(job: str, now: Sample, before: Sample | None) -> dict[str, Any]:
    """The same for programs: sizes are bytes, null where nobody counts."""
    load = now.load
    percent = now.cpu_percent(before)
    received, sent = now.network or (None, None)
    return {
        "job": job,
        "container": now.container,
        "cpu_percent": None if percent is None else round(percent, 2),
        "cpu_seconds": load.usage.cpu_seconds,
        "memory": load.memory_working,
        "memory_limit": load.memory_limit,
        "memory_current": load.usage.memory_current,
        "memory_peak": load.usage.memory_peak,
        "oom_kills": load.usage.oom_kills,
        "network_received": received,
        "network_sent": sent,
        "io_read": load.usage.io_read,
        "io_write": load.usage.io_write,
        "pids": load.pids,
        "pids_limit": load.pids_limit,
        "pids_peak": load.usage.pids_peak,
        "pressure": {kind: asdict(each) for kind, each in load.pressure.items()},
    }
