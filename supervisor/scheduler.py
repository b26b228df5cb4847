"""All runs of one `up`: one nursery, one task per job, and their ordered end.

A job is stopped only after everything that depends on it has ended, so a database outlives its
clients; jobs that do not depend on each other are stopped together.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
import trio
from attrs import define, field

from supervisor.job import JobRun
from supervisor.ordering import dependents_of, graph_of

log = structlog.stdlib.get_logger()


@define(eq=False, kw_only=True)
class Scheduler:
    """Runs `runs` (by job name) to their ends."""

    runs: Mapping[str, JobRun]
    shutdown_timeout: float
    """Seconds that an ordered shutdown may take as a whole."""
    shutting_down: trio.Event = field(factory=trio.Event, init=False)
    """Set once the ordered end has begun."""

    async def run(self) -> None:
        """Return when every run has ended."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._shut_down_when_asked)
            async with trio.open_nursery() as jobs:
                for run in self.runs.values():
                    jobs.start_soon(run.run, self.runs)
            nursery.cancel_scope.cancel()

    def shut_down(self) -> None:
        """Begin the ordered end; a second call ends everything now."""
        if self.shutting_down.is_set():
            log.warning("killing all jobs now")
            self._kill_all()
        self.shutting_down.set()

    async def stop(self, name: str) -> None:
        """Stop one job and return when it has ended."""
        self.runs[name].stop()
        await self.runs[name].ended.wait()

    def _kill_all(self) -> None:
        for run in self.runs.values():
            run.kill()

    async def _shut_down_when_asked(self) -> None:
        await self.shutting_down.wait()
        log.info("stopping all jobs", within=self.shutdown_timeout)
        with trio.move_on_after(self.shutdown_timeout) as deadline:
            async with trio.open_nursery() as nursery:
                for run in self.runs.values():
                    nursery.start_soon(self._stop_in_order, run)
        if deadline.cancelled_caught:
            log.warning("shutdown took too long, killing what is left")
            self._kill_all()

    async def _stop_in_order(self, run: JobRun) -> None:
        """Waits end at once; a running job ends after the jobs that depend on it."""
        if run.attempt is not None:
            graph = graph_of({name: each.spec for name, each in self.runs.items()})
            for name in dependents_of(graph, [run.spec.name]):
                await self.runs[name].ended.wait()
        run.stop()
        await run.ended.wait()
