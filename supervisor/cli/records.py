"""The journal and the supervisor, as a command finds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from runtime.nearest import did_you_mean
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings
from supervisor.journal import Journal, JournalError, RunRecord
from supervisor.lock import holder


@contextmanager
def open_journal(settings: Settings) -> Iterator[Journal | None]:
    """The state database, or None where nothing was ever run. Raises Failure."""
    try:
        journal = Journal.read(settings.places.database)
    except JournalError as error:
        raise Failure(str(error)) from error
    try:
        yield journal
    except JournalError as error:
        raise Failure(str(error)) from error
    finally:
        if journal is not None:
            journal.close()


def last_run(journal: Journal | None, job: str) -> RunRecord:
    """The newest run of a job. Raises Failure where there is none."""
    run = None if journal is None else journal.last_run(job)
    if run is None:
        known = [] if journal is None else journal.job_names()
        raise Failure(f"job {job} was never run{did_you_mean(job, known)}")
    return run


def paused_jobs(settings: Settings) -> Collection[str]:
    """The jobs whose processes are stopped where they are, as only their supervisor can tell."""
    # Only where there is somebody to ask is there any need for the means to do so.
    from supervisor.api import ControlClient, ControlError

    try:
        return ControlClient(settings.places.socket).paused()
    except ControlError:
        return ()


def require_supervisor(settings: Settings) -> int:
    """The pid of the running supervisor. Raises Failure where there is none."""
    pid = holder(settings.directories.state)
    if pid is None:
        raise Failure(f"no supervisor is running on {settings.directories.state}")
    return pid
