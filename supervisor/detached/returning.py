"""Which containers come back with a supervisor, as Docker's do with the daemon."""

from __future__ import annotations

from supervisor.jobspec import JobsFile
from supervisor.journal import Journal
from supervisor.wording import STOPPED


def stopped_with_it(containers: JobsFile, journal: Journal) -> list[str]:
    """Ids of those that are always restarted, and that the former supervisor ended when it ended.

    Those that somebody has stopped stay so. Raises JournalError.
    """
    endless = [name for name, job in containers.jobs.items() if job.restart.endless]
    return [job for job in endless if _was_stopped_with_it(journal, job)]


def _was_stopped_with_it(journal: Journal, job: str) -> bool:
    run = journal.last_run(job)
    if run is None or not run.state.terminal:
        return False
    attempts = journal.attempts(run.id)
    if attempts and attempts[-1].stop_cause is not None:
        return attempts[-1].stop_cause == "shutdown"
    # It was in a pause between two attempts, or waited for its first one.
    return run.detail.startswith(STOPPED["shutdown"])
