"""`pocker stats`: what running jobs use, read from their cgroups; needs no supervisor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import click
from attrs import frozen

from runtime.nearest import did_you_mean
from supervisor.cli import candidates
from supervisor.cli.attendedrows import attended_rows
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, all_containers, find_all
from supervisor.cli.format import echo_rendered, print_json, require_form, template_option
from supervisor.cli.records import open_journal
from supervisor.cli.samples import COLUMNS, PRESSURES, UNCOUNTED, Observed, Sample, network_bytes
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table
from supervisor.cli.terminal import is_animated
from supervisor.journal import AttemptRecord

if TYPE_CHECKING:
    from runtime.cgroups import Cgroups

INTERVAL = 1.0
"""Seconds between two samples."""
_Samples: TypeAlias = Mapping[tuple[str, str], Sample]
_WIPE = "\x1b[H\x1b[J"


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also containers that do not run.")
@click.option("--no-stream", is_flag=True, help="Show it once, after a second.")
@click.option("--no-trunc", is_flag=True, help="The same: no id is ever cut.")
@template_option("{{.Name}} and {{.CPUPerc}}")
@click.argument("jobs", nargs=-1, metavar="[JOB|CONTAINER]...", shell_complete=candidates.running)
@click.pass_obj
def command(
    settings: Settings,
    *,
    everything: bool,
    no_stream: bool,
    no_trunc: bool,
    form: str,
    jobs: Sequence[str],
) -> None:
    """Show what running jobs and containers use and wait for, every second until they end.

    MEM USAGE leaves out page cache that could be dropped at once. WAIT is the part of the last 10
    seconds in which some process waited for that resource (only where there is cgroup v2).
    """
    del no_trunc
    require_form(form)
    animated = not no_stream and is_animated(sys.stdout)
    named = _named(settings, jobs)
    show = _Show(form=form, everything=everything, animated=animated)
    wanted = named or _all(settings)
    if not _running(wanted):
        show.show(wanted, {}, {})
        return
    with _opened() as cgroups:
        now = _sample(wanted, cgroups)
        while True:
            time.sleep(INTERVAL)
            wanted = named or _all(settings)
            before, now = now, _sample(wanted, cgroups)
            show.show(wanted, now, before)
            if no_stream or not now:
                return


def _named(settings: Settings, words: Sequence[str]) -> list[Found]:
    """What words mean. Raises Failure for what is not there."""
    wanted = find_all(settings, words)
    jobs = _current_jobs(settings) if wanted else ()
    for each in wanted:
        if each.entry is None and each.job not in jobs:
            raise Failure(f"no job {each.name} is running{did_you_mean(each.name, jobs)}")
    return wanted


def _all(settings: Settings) -> list[Found]:
    """All that there is now, the newest container first."""
    jobs = [Found(settings=settings, job=job, name=job) for job in _current_jobs(settings)]
    return jobs + all_containers(settings)[::-1]


@frozen(kw_only=True)
class _Show:
    """How samples are shown; of containers that do not run as well, with `everything`."""

    form: str
    everything: bool
    animated: bool

    def show(self, wanted: Sequence[Found], now: _Samples, before: _Samples) -> None:
        """Show the newest samples. Raises Failure."""
        observed = [
            _observed(found, now.get(_key(found)), before.get(_key(found)))
            for found in wanted
            # What was named is shown in any case.
            if _key(found) in now or found.word or (self.everything and found.entry is not None)
        ]
        if self.form == "json":
            print_json([each.document() for each in observed])
        elif self.form == "table":
            told = {kind for sample in now.values() for kind in sample.load.pressure}
            waits = {name: kind for name, kind in PRESSURES.items() if kind in told}
            headers = (*COLUMNS.values(), *waits)
            rows = [each.row([*waits.values()]) for each in observed]
            click.echo(_WIPE if self.animated else "", nl=False)
            click.echo(format_table(headers, rows, colour=False))
        else:
            click.echo(_WIPE if self.animated else "", nl=False)
            echo_rendered(self.form, [each.document() for each in observed], COLUMNS)


def _observed(found: Found, now: Sample | None, before: Sample | None) -> Observed:
    identifier = found.job if found.entry is not None else UNCOUNTED
    if found.entry is None and now is not None:
        identifier = now.container
    return Observed(
        id=identifier,
        name=found.name,
        word=found.word or identifier,
        now=now,
        before=before,
        host_memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    )


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


def _key(found: Found) -> tuple[str, str]:
    """A job and a container may have the same name."""
    return found.settings.directories.state, found.job


def _sample(wanted: Sequence[Found], cgroups: Cgroups) -> _Samples:
    """What each of these does that runs."""
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
        samples[_key(found)] = Sample(
            container=attempt.container,
            at=time.monotonic(),
            load=load,
            network=None if attempt.pid is None else _network(attempt.pid),
        )
    return samples


def _running(wanted: Sequence[Found]) -> list[tuple[Found, AttemptRecord]]:
    running = _attended(wanted)
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


def _attended(wanted: Sequence[Found]) -> list[tuple[Found, AttemptRecord]]:
    attended = {found.job: found for found in wanted if found.attended}
    own = next((found.settings.directories for found in attended.values()), None)
    rows = [] if own is None else attended_rows(own, time.time())
    return [
        (attended[row.entry.id], row.attempt)
        for row in rows
        if row.entry.id in attended and row.attempt is not None
    ]


def _network(pid: int) -> tuple[int, int] | None:
    """Bytes received and sent in the network of a process, unless that is the host's."""
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            return None
        with open(f"/proc/{pid}/net/dev") as file:
            return network_bytes(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None
