"""Reading the jobs file again: only what has changed changes, and a mistake in it changes nothing.

The new runs are in the state database, all of them or none, before anything follows from them. A
supervisor that is killed on the way leaves what the next one of the new file takes up: it begins
what is new, ends what is gone, and sees by the documents beside the containers what they were made
of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

import structlog
import trio
from attrs import define, evolve, field

from runtime.errors import ContainerError
from supervisor.job import JobRun
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.journal import EventKind
from supervisor.ordering import graph_of, select
from supervisor.problems import JobsFileError, Problem
from supervisor.revision import Revision, compare
from supervisor.scheduler import Over, Scheduler
from supervisor.workshop import Workshop

log = structlog.stdlib.get_logger()


@define(eq=False, kw_only=True)
class Reloader:
    """Reads the file of an `up` again, which was asked for `names`, or for all jobs if none."""

    names: Sequence[str]
    read: Callable[[], JobsFile]
    shop: Workshop
    scheduler: Scheduler
    around: Callable[[], AbstractContextManager[None]]
    """Entered while a file is read and what it says is made to hold."""
    hold: Callable[[Iterable[JobSpec]], None]
    """Called with the jobs before any new one begins. Raises ContainerError."""
    _alone: trio.Lock = field(factory=trio.Lock, init=False)

    async def reload(self) -> Revision:
        """Follow the file as it is now; returns what is different.

        Raises JobsFileError with all that is wrong with it, or Over where everything is to end.
        """
        with self.scheduler.held_open():
            async with self._alone:
                with self.around():
                    return await self._reload()

    async def _reload(self) -> Revision:
        try:
            jobsfile = await trio.to_thread.run_sync(self.read)
            chosen = self._choose(jobsfile)
            self._hold(jobsfile, chosen)
        except JobsFileError as error:
            self._refuse(error)
            raise
        if self.scheduler.shutting_down.is_set():
            raise Over("all jobs are being stopped")
        return self._follow(jobsfile, chosen)

    def _choose(self, jobsfile: JobsFile) -> Mapping[str, JobSpec]:
        """The jobs to run, in order. Of those that were named, some may have gone from the file."""
        left = [name for name in self.names if name in jobsfile.jobs]
        if self.names and not left:
            message = f"has no job of those that were asked for: {', '.join(self.names)}"
            raise JobsFileError([Problem(jobsfile.path, None, "jobs", message)])
        return {name: jobsfile.jobs[name] for name in select(graph_of(jobsfile.jobs), left)}

    def _hold(self, jobsfile: JobsFile, chosen: Mapping[str, JobSpec]) -> None:
        try:
            self.hold(chosen.values())
        except ContainerError as error:
            raise JobsFileError([Problem(jobsfile.path, None, "", str(error))]) from error

    def _refuse(self, error: JobsFileError) -> None:
        problems = [str(problem) for problem in error.problems]
        for problem in problems:
            log.error("jobs file refused", problem=problem)
        self.shop.journal.event(
            EventKind.RELOAD,
            f"{self.shop.file} refused, {len(problems)} mistake(s): {problems[0]}",
            data={"problems": problems},
        )

    def _follow(self, jobsfile: JobsFile, chosen: Mapping[str, JobSpec]) -> Revision:
        before = self.scheduler.runs
        revision = compare({name: run.spec for name, run in before.items()}, chosen)
        # A changed name of the project is that of new containers.
        self.shop = evolve(self.shop, project=jobsfile.name)
        with self.shop.journal.transaction():
            begun = {
                name: JobRun.begin(chosen[name], self.shop, self.scheduler.leaving(name))
                for name in revision.added
            }
            self.shop.journal.event(
                EventKind.RELOAD,
                f"{self.shop.file} read again: {revision}",
                data={
                    "new": revision.added,
                    "removed": revision.removed,
                    "changed": revision.changed,
                },
            )
        log.info("jobs file read again", file=self.shop.file, changes=str(revision))
        self.shop.slots.total_tokens = jobsfile.concurrency or float("inf")
        runs = {name: begun[name] if name in begun else before[name] for name in chosen}
        self.scheduler.revise(runs)
        for name in revision.changed:
            runs[name].redefine(chosen[name], self.shop)
        return revision
