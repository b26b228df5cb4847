"""The containers that no jobs file tells of, read as jobs.

One that cannot be read, as it may be after a change of version, is in no other's way.
"""

from __future__ import annotations

import structlog

from supervisor.detached.roster import PROJECT, Entry, Roster
from supervisor.jobsfile import read_tables
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.problems import JobsFileError

log = structlog.stdlib.get_logger()


def job_of(entry: Entry, path: str) -> JobSpec:
    """A container as a job, which its id is the name of. Raises JobsFileError."""
    return read_tables({entry.id: entry.table}, path, PROJECT).jobs[entry.id]


def jobs_of(roster: Roster) -> JobsFile:
    """All that were ever to be started, by id. Raises ContainerError.

    What has to be left out is told.
    """
    for each in roster.unreadable():
        log.warning("container left out", cause=each.why)
    jobs = {}
    for entry in roster.entries().values():
        if entry.begun:
            try:
                jobs[entry.id] = job_of(entry, roster.path)
            except JobsFileError as error:
                log.warning("container left out", container=entry.name, cause=str(error))
    return JobsFile(path=roster.path, name=PROJECT, jobs=jobs)
