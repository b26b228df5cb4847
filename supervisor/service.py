"""One `up` from the lock to the last outcome: what is opened here is closed here, in order."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, nullcontext
from functools import partial
from pathlib import Path

import structlog
import trio
from attrs import frozen

from runtime.container import Runtime
from runtime.directories import Directories
from runtime.process import boot_id
from runtime.volumes.store import FindUsers
from supervisor.api.server import control_socket, serve_control
from supervisor.forwarding import Forwarder
from supervisor.hangup import Terminal, end_as_hung_up
from supervisor.holding import hold_volumes
from supervisor.job import JobRun
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.journal import Journal
from supervisor.lock import SupervisorLock
from supervisor.logs import LineSink
from supervisor.ordering import graph_of, select
from supervisor.places import Places
from supervisor.problems import JobsFileError
from supervisor.rebuild import open_journal
from supervisor.recovery import begin_or_take_up, remove_strays, restore_runs
from supervisor.reload import Reloader
from supervisor.revision import Revision
from supervisor.scheduler import Over, Scheduler
from supervisor.sources import open_jobsfile
from supervisor.workshop import Running, Workshop

SHUTDOWN_TIMEOUT = 90.0
"""Seconds, as systemd's DefaultTimeoutStopSec."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

log = structlog.stdlib.get_logger()


class LetGo(Exception):
    """The supervisor was asked to end and to leave its jobs to the next one."""


@frozen(kw_only=True)
class Means:
    """What the jobs are run with."""

    directories: Directories
    cgroup: str | None = None
    """The v2 group that the containers' groups go into; None for one of this process's own."""
    descriptor: int | None = None
    """The control socket, where it was made by somebody else."""
    volume_users: FindUsers
    """Tells who uses which volumes."""


@frozen(kw_only=True)
class Book:
    """Where the jobs are written down, and what that means for a supervisor of them."""

    read: Callable[[], JobsFile]
    """Reads them as they are now. Raises JobsFileError; called in a thread."""
    lasting: bool = False
    """Whether jobs that have ended stay as they are for the next supervisor, and what they wrote to
    their roots for the next attempt."""
    stays: bool = False
    """Whether a supervisor of them waits for more when all have ended."""
    again: Collection[str] = ()
    """Jobs to begin anew where they have ended."""
    running: Callable[[str], Running | None] = lambda _: None
    """The container that ran already when a job was written down."""
    left: Callable[[Journal], Collection[str]] = lambda _: ()
    """Looks which of these no run in the journal knows yet."""

    @classmethod
    def of(cls, jobsfile: JobsFile) -> Book:
        """A jobs file: once all its jobs have ended, the next supervisor begins them anew."""
        return cls(read=partial(open_jobsfile, Path(jobsfile.path), os.environ))


@frozen(kw_only=True)
class Watcher:
    """Who looks on while an `up` runs: told of each transition, shown each line."""

    changed: Callable[[JobRun], None]
    sink: Callable[[str], LineSink] | None = None
    reloading: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while the jobs file is read again and what it says is made to hold."""


@frozen(kw_only=True)
class Service:
    """A supervisor that is open for business; `run` carries it out."""

    control: socket.socket
    reloader: Reloader
    forwarder: Forwarder

    @property
    def scheduler(self) -> Scheduler:
        """What carries the runs out."""
        return self.reloader.scheduler

    @property
    def journal(self) -> Journal:
        """The state database."""
        return self.reloader.shop.journal

    @property
    def runs(self) -> Mapping[str, JobRun]:
        """All runs by job name, each after those it depends on."""
        return self.scheduler.runs

    async def reload(self) -> Revision:
        """Read the jobs file again and change what has changed; returns what that is.

        Raises JobsFileError with all that is wrong with the file, and then nothing has changed, or
        Over where everything is to end.
        """
        revision = await self.reloader.reload()
        await self.forwarder.catch_listed()
        return revision

    def begin_again(self, name: str) -> JobRun:
        """A new run of a job that has ended. Raises Over where everything is to end."""
        with self.scheduler.held_open():
            run = JobRun.begin(self.runs[name].spec, self.reloader.shop)
            self.scheduler.begin_again(run)
        return run

    async def run(self, ready: Callable[[], None] = lambda: None) -> int | None:
        """Return when every run has ended: the signal that asked for it, or None.

        Raises LetGo on SIGQUIT; what runs then runs on, as if this process had been killed.
        """
        caught: list[int] = []
        async with trio.open_nursery() as nursery:
            await nursery.start(self._watch_signals, caught)
            await nursery.start(self.forwarder.run)
            nursery.start_soon(serve_control, self, self.control)
            ready()
            await self.scheduler.run()
            nursery.cancel_scope.cancel()
        return caught[0] if caught else None

    async def _watch_signals(
        self, caught: list[int], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        terminal = Terminal.look()
        async with trio.open_nursery() as nursery:
            with trio.open_signal_receiver(*_SIGNALS) as signals:
                task_status.started()
                async for number in signals:
                    log.info("signal received", signal=signal.Signals(number).name)
                    if number == signal.SIGQUIT:
                        raise LetGo
                    if number == signal.SIGHUP:
                        nursery.start_soon(self._hear_hangup, terminal)
                    else:
                        caught.append(number)
                        self.scheduler.shut_down()

    async def _hear_hangup(self, terminal: Terminal) -> None:
        if terminal.has_gone():
            if not terminal.ignored:
                # As ever: the jobs run on, and the next `up` takes them up.
                end_as_hung_up()
            return
        try:
            await self.reload()
        except JobsFileError:
            pass  # the log has it
        except Over as error:
            log.warning("jobs file not read again", cause=str(error))


@asynccontextmanager
async def open_service(
    jobsfile: JobsFile, names: Sequence[str], means: Means, watcher: Watcher, book: Book
) -> AsyncIterator[Service]:
    """Everything that an `up` of these jobs, and of those they need, stands on.

    An `up` of this file that a killed supervisor left unfinished is taken up where it was. Raises
    AlreadyRunning, Unfinished, ContainerError, JournalError, or KeyError for the name of no job.
    """
    places = Places(directories=means.directories)
    Runtime.require_rights()
    means.directories.prepare()
    with (
        closing(SupervisorLock(means.directories.state)),
        control_socket(places.socket, means.descriptor) as control,
    ):
        if book.lasting:
            # There may be more since, from somebody who found nobody to tell.
            jobsfile = await trio.to_thread.run_sync(book.read)
        chosen = select(graph_of(jobsfile.jobs), names)
        runtime = _open_runtime(means)
        journal = open_journal(places)
        try:
            shop = _workshop(jobsfile, runtime, journal, watcher=watcher, book=book)
            hold = _nothing_to_hold if book.lasting else partial(hold_volumes, places)
            hold(jobsfile.jobs[name] for name in chosen)
            runs = await restore_runs(shop, jobsfile, chosen, book.again)
            reloader = Reloader(
                names=names,
                read=book.read,
                shop=shop,
                scheduler=Scheduler(runs=runs, shutdown_timeout=SHUTDOWN_TIMEOUT, stays=book.stays),
                around=watcher.reloading,
                hold=hold,
            )
            forwarder = Forwarder(scheduler=reloader.scheduler)
            yield Service(control=control, reloader=reloader, forwarder=forwarder)
            await remove_strays(
                runtime, left=shop.left
            )  # what could not be removed when its attempt ended
            if not book.lasting:
                journal.end_session(shop.session)
                hold(())
        finally:
            journal.close()
            runtime.close()


def _workshop(
    jobsfile: JobsFile,
    runtime: Runtime,
    journal: Journal,
    *,
    watcher: Watcher,
    book: Book,
) -> Workshop:
    return Workshop(
        file=jobsfile.path,
        project=jobsfile.name,
        runtime=runtime,
        journal=journal,
        session=begin_or_take_up(journal, jobsfile, runtime),
        boot=boot_id(),
        slots=trio.CapacityLimiter(jobsfile.concurrency or float("inf")),
        places=Places(directories=runtime.directories),
        sink=watcher.sink,
        changed=watcher.changed,
        running=book.running,
        left=partial(book.left, journal),
        lasting=book.lasting,
    )


def _nothing_to_hold(_: Iterable[JobSpec]) -> None:
    """What is written down in another place is held by that."""


def _open_runtime(means: Means) -> Runtime:
    runtime = Runtime.open(means.directories, cgroup=means.cgroup, volume_users=means.volume_users)
    for controller, why in runtime.cgroups.absent_defaults().items():
        log.warning("jobs are run without a controller", controller=controller, cause=why)
    return runtime
