"""A supervisor in this process, from its start to its last outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import trio
from attrs import frozen

from runtime.container import Runtime
from runtime.errors import ContainerError
from supervisor.api import ControlError
from supervisor.cli.failure import START_FAILED, Failure, describe_os_error
from supervisor.cli.groups import first_of
from supervisor.cli.outcome import Ending, ending_of
from supervisor.cli.sweeping import sweep
from supervisor.jobspec import JobsFile
from supervisor.journal import JournalError
from supervisor.lock import AlreadyRunning
from supervisor.ordering import graph_of, select
from supervisor.recovery import Unfinished
from supervisor.service import Book, LetGo, Means, Service, Watcher, open_service

LET_GO = 131
"""As if SIGQUIT had ended it."""

_FAULTS = (AlreadyRunning, ContainerError, ControlError, JournalError, Unfinished)


class Display(Protocol):
    """What the user sees while jobs run."""

    @property
    def watcher(self) -> Watcher:
        """What is to be told of transitions and lines."""

    async def show(self, service: Service) -> None:
        """Run beside the service until cancelled, or for as long as there is something to do."""


class Silence:
    """Nobody looks."""

    watcher = Watcher(changed=lambda _: None)

    async def show(self, service: Service) -> None:
        """Show nothing."""


@frozen(kw_only=True)
class Order:
    """What `up` was asked for: these jobs and all that they need, or all jobs if none is named."""

    jobsfile: JobsFile
    names: Sequence[str]
    means: Means
    book: Book

    @property
    def jobs(self) -> list[str]:
        """The names of all jobs that will run."""
        return select(graph_of(self.jobsfile.jobs), self.names)


@frozen(kw_only=True)
class Ended:
    """How all runs ended by job name, and the signal that asked for the end, if one did."""

    endings: Mapping[str, Ending]
    signal: int | None


def carry_out(order: Order, display: Display, ready: Callable[[], None]) -> Ended:
    """Run everything to its end; `ready` is called when jobs begin. Raises Failure."""
    faults: list[BaseException] = []
    try:
        Runtime.require_rights()
        directories = order.means.directories
        # Those of `run` are in one place, whether or not it is theirs that are carried out here.
        own = directories if order.book.lasting else directories.detached
        sweep(own, order.means.volume_users)
        return trio.run(_carry_out, order, display, ready)
    except* LetGo:
        pass  # nothing is wrong, unless something else is
    except* _FAULTS as group:
        faults.append(first_of(group))
    if not faults:
        raise Failure("let go of what runs: the next `up` of this file takes it up", code=LET_GO)
    raise Failure(str(faults[0]), code=START_FAILED) from faults[0]


async def _carry_out(order: Order, display: Display, ready: Callable[[], None]) -> Ended:
    async with AsyncExitStack() as stack:
        try:
            service = await stack.enter_async_context(
                open_service(order.jobsfile, order.names, order.means, display.watcher, order.book)
            )
        except OSError as error:
            raise Failure(describe_os_error(error), code=START_FAILED) from error
        async with trio.open_nursery() as nursery:
            nursery.start_soon(display.show, service)
            caught = await service.run(ready)
            nursery.cancel_scope.cancel()
        endings = {name: ending_of(run) for name, run in service.runs.items()}
        return Ended(endings=endings, signal=caught)
