"""What a new supervisor does with what a killed one has left.

The journal says what was meant, the runtime directory and the cgroups say what is there. Runs of
the same file go on where they stand; a container that no run claims is ended and removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Sequence
from functools import partial

import structlog
import trio

from runtime.attendance import is_attended
from runtime.cgroups import CgroupGone
from runtime.container import Runtime
from runtime.errors import ContainerError
from supervisor.job import JobRun
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.journal import Journal, RunRecord
from supervisor.states import Reason, RunState
from supervisor.workshop import Workshop

log = structlog.stdlib.get_logger()


class Unfinished(Exception):
    """The state directory holds jobs of another file that still run."""

    def __init__(self, file: str, jobs: Sequence[str]) -> None:
        super().__init__(
            f"jobs of {file} are still running ({', '.join(jobs)}):"
            f" `up {file}` takes them up again, `down` ends them"
        )
        self.file = file


def begin_or_take_up(journal: Journal, jobsfile: JobsFile, runtime: Runtime) -> int:
    """The session to work in: the unfinished one of this file, or a new one. Raises Unfinished."""
    last = journal.last_session()
    if last is None or last.ended is not None:
        return journal.begin_session(jobsfile.path, jobsfile.name, os.getpid())
    if last.file == jobsfile.path:
        journal.take_over_session(last.id, os.getpid())
        log.info("taking up a former supervisor's jobs", file=last.file, former=last.pid)
        return last.id
    open_runs = [run for run in journal.runs(session=last.id) if not run.state.terminal]
    alive = [run.job for run in open_runs if _is_alive(journal, run, runtime)]
    if alive:
        raise Unfinished(last.file, alive)
    for run in open_runs:
        detail = f"its supervisor was killed, and `up {jobsfile.path}` came after it"
        journal.end_run(run.id, RunState.CANCELLED, Reason.CANCELLED, detail, None)
    journal.end_session(last.id)
    return journal.begin_session(jobsfile.path, jobsfile.name, os.getpid())


def _is_alive(journal: Journal, run: RunRecord, runtime: Runtime) -> bool:
    attempts = journal.attempts(run.id)
    if not attempts or attempts[-1].ended is not None:
        return False
    try:
        return bool(runtime.cgroups.open_existing(attempts[-1].container).members())
    except CgroupGone:
        return False


async def restore_runs(
    shop: Workshop, jobsfile: JobsFile, chosen: Sequence[str], again: Collection[str] = ()
) -> dict[str, JobRun]:
    """The runs of the chosen jobs, taken up or begun; nothing else is left running.

    Those of `again` begin anew where they have ended.
    """
    recorded = shop.journal.runs(session=shop.session)
    known = {run.job: run for run in recorded}
    runs: dict[str, JobRun] = {}
    for name in chosen:
        spec = jobsfile.jobs[name]
        if name in known and not (name in again and known[name].state.terminal):
            runs[name] = JobRun.take_up(spec, shop, known[name])
        else:
            runs[name] = JobRun.begin(spec, shop)
    taken_up = {run.number for run in runs.values()}
    for run in recorded:
        if not run.state.terminal and run.id not in taken_up:
            detail = "no longer in the jobs file, or not chosen"
            shop.journal.end_run(run.id, RunState.CANCELLED, Reason.CANCELLED, detail, None)
    for name in chosen:
        await _forget_old_runs(shop, jobsfile.jobs[name])
    await remove_strays(shop.runtime, {run.container for run in runs.values()}, shop.left)
    return runs


async def _forget_old_runs(shop: Workshop, job: JobSpec) -> None:
    """Keep as many runs of a job, with their logs, as it asks for."""
    for run in shop.journal.forget_runs(job.name, job.keep_runs):
        logs = f"{shop.places.all_logs}/{job.name}/{run}"
        await trio.to_thread.run_sync(partial(shutil.rmtree, logs, ignore_errors=True))


async def remove_strays(
    runtime: Runtime,
    claimed: Collection[str | None] = (),
    left: Callable[[], Collection[str]] = tuple,
) -> None:
    """End and remove containers, and layers, that no run claims and nobody attends to.

    `left` looks which ones have been written down since by users who left them.
    """
    directories = runtime.directories
    places = (directories.containers, f"{directories.state}/containers")
    found = {name for place in places for name in os.listdir(place)}
    for name in sorted(found.difference(claimed)):
        # In this order: it is written down before nobody attends to it any more.
        if is_attended(directories, name) or name in left():
            continue  # `pocker run` sees to it, or the next supervisor
        log.warning("removing what is left of a container", container=name)
        try:
            async with runtime.adopted(name):
                pass
        except CgroupGone:
            continue  # only files were left
        except ContainerError as error:
            log.warning("container not removed", container=name, cause=str(error))
