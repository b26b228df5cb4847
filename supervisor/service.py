"""One `up` from the lock to the last outcome: what is opened here is closed here, in order."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
import trio
from attrs import frozen

from runtime.container import Runtime
from runtime.directories import Directories
from runtime.process import boot_id
from supervisor.api.server import control_socket, serve_control
from supervisor.job import JobRun
from supervisor.jobspec import JobsFile
from supervisor.journal import Journal
from supervisor.lock import SupervisorLock
from supervisor.logs import LineSink
from supervisor.ordering import graph_of, select
from supervisor.places import Places
from supervisor.rebuild import open_journal
from supervisor.recovery import begin_or_take_up, remove_strays, restore_runs
from supervisor.scheduler import Scheduler
from supervisor.workshop import Workshop

SHUTDOWN_TIMEOUT = 90.0
"""Seconds, as systemd's DefaultTimeoutStopSec."""

log = structlog.stdlib.get_logger()


@frozen(kw_only=True)
class Watcher:
    """Who looks on while an `up` runs: told of each transition, shown each line."""

    changed: Callable[[JobRun], None]
    sink: Callable[[str], LineSink] | None = None


@frozen(kw_only=True)
class Service:
    """A supervisor that is open for business; `run` carries it out."""

    scheduler: Scheduler
    journal: Journal
    session: int
    control: socket.socket

    @property
    def runs(self) -> Mapping[str, JobRun]:
        """All runs by job name, each after those it depends on."""
        return self.scheduler.runs

    async def run(self, ready: Callable[[], None] = lambda: None) -> int | None:
        """Return when every run has ended: the signal that asked for it, or None."""
        caught: list[int] = []
        async with trio.open_nursery() as nursery:
            await nursery.start(self._watch_signals, caught)
            nursery.start_soon(serve_control, self.scheduler, self.control)
            ready()
            await self.scheduler.run()
            nursery.cancel_scope.cancel()
        return caught[0] if caught else None

    async def _watch_signals(
        self, caught: list[int], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                log.info("signal received", signal=signal.Signals(number).name)
                caught.append(number)
                self.scheduler.shut_down()


@asynccontextmanager
async def open_service(
    jobsfile: JobsFile, names: Sequence[str], directories: Directories, watcher: Watcher
) -> AsyncIterator[Service]:
    """Everything that an `up` of these jobs, and of those they need, stands on.

    An `up` of the same file that a killed supervisor has left unfinished is taken up where it
    was. Raises AlreadyRunning, Unfinished, ContainerError, JournalError or KeyError for the name
    of no job.
    """
    chosen = select(graph_of(jobsfile.jobs), names)
    places = Places(directories=directories)
    Runtime.require_rights()
    directories.prepare()
    with SupervisorLock(directories.state), control_socket(places.socket) as control:
        runtime = Runtime.open(directories)
        journal = open_journal(places)
        try:
            session = begin_or_take_up(journal, jobsfile, runtime)
            shop = Workshop(
                file=jobsfile.path,
                project=jobsfile.name,
                runtime=runtime,
                journal=journal,
                session=session,
                boot=boot_id(),
                slots=trio.CapacityLimiter(jobsfile.concurrency or float("inf")),
                places=places,
                sink=watcher.sink,
                changed=watcher.changed,
            )
            runs = await restore_runs(shop, jobsfile, chosen)
            yield Service(
                scheduler=Scheduler(runs=runs, shutdown_timeout=SHUTDOWN_TIMEOUT),
                journal=journal,
                session=session,
                control=control,
            )
            await remove_strays(runtime)  # what could not be removed when its attempt ended
            journal.end_session(session)
        finally:
            journal.close()
            runtime.close()
