"""Ends the jobs that a killed supervisor has left behind: takes them up only to stop them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from supervisor.cli.foreground import Order, carry_out
from supervisor.cli.settings import Settings
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.journal import RunRecord, SessionRecord
from supervisor.logsetup import configure_log
from supervisor.problems import JobsFileError
from supervisor.service import Book, Means, Service, Watcher
from supervisor.sources import open_jobsfile
from supervisor.volumeusers import users_of_volumes


def end_abandoned(
    settings: Settings,
    session: SessionRecord,
    runs: Sequence[RunRecord],
    *,
    now: bool,
    timeout: float | None,
) -> None:
    """Stop what is left of `runs` in order, and write down how they ended. Raises Failure."""
    configure_log(settings.log_level or "warning", console=True, colour=False)
    jobsfile = _jobsfile(session, runs)
    names = [run.job for run in runs if run.job in jobsfile.jobs]
    order = Order(
        jobsfile=jobsfile,
        names=names,
        means=Means(
            directories=settings.directories,
            volume_users=partial(users_of_volumes, settings.directories),
        ),
        book=Book.of(jobsfile),
    )
    carry_out(order, _Ending(now=now, timeout=timeout), lambda: None)


def _jobsfile(session: SessionRecord, runs: Sequence[RunRecord]) -> JobsFile:
    """The file that the jobs are from; without it they can be stopped only in the usual way."""
    try:
        jobsfile = open_jobsfile(Path(session.file), os.environ)
    except JobsFileError:
        jobsfile = None
    if jobsfile is None or not any(run.job in jobsfile.jobs for run in runs):
        jobs = {run.job: JobSpec(name=run.job) for run in runs}
        return JobsFile(path=session.file, name=session.project, jobs=jobs)
    return jobsfile


@frozen(kw_only=True)
class _Ending:
    """Looks on only to stop everything."""

    now: bool
    timeout: float | None

    watcher = Watcher(changed=lambda _: None)

    async def show(self, service: Service) -> None:
        for run in service.runs.values():
            if run.container is None:
                run.stop()  # before it begins
        service.scheduler.shut_down()
        if not self.now:
            await trio.sleep(float("inf") if self.timeout is None else self.timeout)
        service.scheduler.shut_down()
