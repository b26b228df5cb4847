"""All runs of one `up`: one nursery, one task per job, and their ordered end.

A job is stopped only after everything that depends on it has ended, so a database outlives its
clients; jobs that do not depend on each other are stopped together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
import trio
from attrs import define, field

from supervisor.job import JobRun
from supervisor.ordering import dependents_of, graph_of
from supervisor.states import StopCause

log = structlog.stdlib.get_logger()


class Over(Exception):
    """All runs have ended, or are to end: nothing begins any more."""


@define(eq=False, kw_only=True)
class Scheduler:
    """Runs `runs` (by job name, each after those that it depends on) to their ends."""

    runs: dict[str, JobRun]
    shutdown_timeout: float
    """Seconds that an ordered shutdown may take as a whole."""
    stays: bool = False
    """Whether it goes on without any run until it is shut down."""
    shutting_down: trio.Event = field(factory=trio.Event, init=False)
    """Set once the ordered end has begun."""
    _leaving: list[JobRun] = field(factory=list, init=False)
    """Runs of jobs that have gone from the file, which are being stopped."""
    _nursery: trio.Nursery | None = field(default=None, init=False)
    _holds: int = field(default=0, init=False)
    """For how many reasons, such as a run that has not ended, there is still something to do."""
    _over: trio.Event = field(factory=trio.Event, init=False)

    async def run(self) -> None:
        """Return when every run has ended, and nothing else is to come."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._shut_down_when_asked)
            with self.held_open():
                if self.stays:
                    self._holds += 1
                    self._nursery.start_soon(self._stay)
                for run in self.runs.values():
                    self._begin(run)
            await self._over.wait()
            self._nursery.cancel_scope.cancel()

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Do not let `run` return, also where the last run ends meanwhile. Raises Over."""
        if self._nursery is None or self._over.is_set():
            raise Over("all jobs have ended")
        self._holds += 1
        try:
            yield
        finally:
            self._let_go()

    def _begin(self, run: JobRun) -> None:
        assert self._nursery is not None
        self._holds += 1
        self._nursery.start_soon(self._carry_out, run)

    async def _carry_out(self, run: JobRun) -> None:
        await run.run(self.runs)
        self._let_go()

    async def _stay(self) -> None:
        await self.shutting_down.wait()
        self._let_go()

    def _let_go(self) -> None:
        self._holds -= 1
        if self._holds == 0:
            self._over.set()

    def revise(self, runs: Mapping[str, JobRun]) -> None:
        """Let these be the runs from now on: new ones begin, and who is not among them ends.

        To be called while it is `held_open`.
        """
        assert self._nursery is not None
        known = set(map(id, self.runs.values()))
        left = {name: run for name, run in self.runs.items() if runs.get(name) is not run}
        self._leaving = [run for run in self._leaving if not run.ended.is_set()]
        self._leaving += left.values()
        # The runs themselves look at this very mapping.
        self.runs.clear()
        self.runs.update(runs)
        for run in left.values():
            self._nursery.start_soon(self._stop_in_order, run, left, "removed")
        for run in runs.values():
            if id(run) not in known:
                self._begin(run)

    def begin_again(self, run: JobRun) -> None:
        """Let this run take the place of one of the same job that has ended.

        To be called while it is `held_open`.
        """
        self.runs[run.spec.name] = run
        self._begin(run)

    def leaving(self, name: str) -> JobRun | None:
        """A run of a job of this name that is to end because the job has gone from the file."""
        found = (run for run in self._leaving if run.spec.name == name and not run.ended.is_set())
        return next(found, None)

    def shut_down(self) -> None:
        """Begin the ordered end; a second call ends everything now."""
        if self.shutting_down.is_set():
            log.warning("killing all jobs now")
            self._kill_all()
        self.shutting_down.set()

    def _kill_all(self) -> None:
        for run in (*self.runs.values(), *self._leaving):
            run.kill()

    async def _shut_down_when_asked(self) -> None:
        await self.shutting_down.wait()
        log.info("stopping all jobs", within=self.shutdown_timeout)
        with trio.move_on_after(self.shutdown_timeout) as deadline:
            async with trio.open_nursery() as nursery:
                for run in self.runs.values():
                    cause: StopCause = "shutdown" if run.shop.lasting else "cancelled"
                    nursery.start_soon(self._stop_in_order, run, self.runs, cause)
                for run in self._leaving:
                    nursery.start_soon(run.ended.wait)
        if deadline.cancelled_caught:
            log.warning("shutdown took too long, killing what is left")
            self._kill_all()

    async def _stop_in_order(
        self, run: JobRun, among: Mapping[str, JobRun], cause: StopCause
    ) -> None:
        """Waits end at once; a running job ends after the jobs among these that depend on it."""
        if run.attempt is not None:
            graph = graph_of({name: each.spec for name, each in among.items()})
            within = {name: [need for need in graph[name] if need in among] for name in graph}
            for name in dependents_of(within, [run.spec.name]):
                await among[name].ended.wait()
        run.stop(cause)
        await run.ended.wait()
