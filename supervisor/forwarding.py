"""Passing signals that the supervisor receives on to the jobs that list them.

A signal is caught from the first time that a job lists it and for good: one that is no longer
listed is dropped, and never ends the supervisor.
"""

from __future__ import annotations

import structlog
import trio
from attrs import define, field

from supervisor.scheduler import Scheduler
from supervisor.states import RunState
from supervisor.wording import signal_name

log = structlog.stdlib.get_logger()


@define(eq=False, kw_only=True)
class Forwarder:
    """Passes signals on to the jobs of `scheduler`."""

    scheduler: Scheduler
    _nursery: trio.Nursery | None = field(default=None, init=False)
    _caught: set[int] = field(factory=set, init=False)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run beside the jobs until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await self.catch_listed()
            task_status.started()
            await trio.sleep_forever()

    async def catch_listed(self) -> None:
        """Return when all signals are caught that jobs list now."""
        assert self._nursery is not None
        listed = {
            number for run in self.scheduler.runs.values() for number in run.spec.forward_signals
        }
        for number in listed - self._caught:
            self._caught.add(number)
            await self._nursery.start(self._forward, number)

    async def _forward(
        self, number: int, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.open_signal_receiver(number) as received:
            task_status.started()
            async for _ in received:
                log.info("signal forwarded", signal=signal_name(number), jobs=self._pass_on(number))

    def _pass_on(self, number: int) -> list[str]:
        """The jobs that it was sent to."""
        reached = []
        for name, run in self.scheduler.runs.items():
            container = None if run.attempt is None else run.attempt.container
            if (
                container is not None
                and run.state is RunState.RUNNING
                and number in run.spec.forward_signals
            ):
                container.signal(number)
                reached.append(name)
        return reached
