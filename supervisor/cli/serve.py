"""`pocker serve`: looks after the containers of `run -d`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import click
import trio
from attrs import frozen

from runtime.errors import ContainerError
from supervisor.cli import background
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.foreground import Order, carry_out
from supervisor.cli.ownlog import configure_own_log
from supervisor.cli.records import open_journal
from supervisor.cli.removal import tidy_up
from supervisor.cli.settings import Settings
from supervisor.detached.keeping import Keeper, book_of
from supervisor.detached.reading import jobs_of
from supervisor.detached.returning import stopped_with_it
from supervisor.detached.roster import Roster
from supervisor.forkserver.hosting import host
from supervisor.job import JobRun
from supervisor.jobspec import JobsFile
from supervisor.journal import JournalError
from supervisor.service import Means, Service, Watcher
from supervisor.systemd.liaison import Liaison
from supervisor.systemd.notify import Notifier
from supervisor.volumeusers import users_of_volumes


@click.command
@click.option("--stay", is_flag=True, help="Go on when no container runs, for the next ones.")
@click.option("--ready-fd", type=int, hidden=True)
@click.argument("again", nargs=-1, metavar="")
@click.pass_obj
def command(settings: Settings, *, stay: bool, ready_fd: int | None, again: Sequence[str]) -> int:
    """Look after the containers of `run -d` until none of them runs any more.

    It is started by itself where it is needed. To have containers back after a boot, start it then,
    as `pocker systemd install --containers` does: those with the restart policy always or
    unless-stopped begin again. SIGTERM stops all containers until then; SIGQUIT ends only the
    supervisor.
    """
    configure_own_log(settings, "info")
    serve = partial(_serve, settings, again, stays=stay)
    if ready_fd is not None:
        with background.reporting_to(ready_fd) as ready:
            return serve(ready)
    notifier = Notifier.from_environment(os.environ)
    if notifier is None:
        return serve(lambda: None)
    with closing(notifier):
        liaison = Liaison(notifier)
        return serve(liaison.ready, liaison)


def _serve(
    settings: Settings,
    again: Sequence[str],
    ready: Callable[[], None],
    liaison: Liaison | None = None,
    *,
    stays: bool,
) -> int:
    own = settings.detached
    roster = Roster.of(own.directories)
    users = partial(users_of_volumes, settings.directories)
    try:
        settings.directories.prepare()
        own.directories.prepare()
        containers = jobs_of(roster)
        order = Order(
            jobsfile=containers,
            names=(),
            means=Means(directories=own.directories, volume_users=users),
            book=book_of(roster, {*again, *_stopped_with_it(settings, containers)}, stays=stays),
        )
        keeper = Keeper(roster=roster, places=own.places, volume_users=users)
        ended = carry_out(order, _Housekeeping(keeper, settings.directories.root, liaison), ready)
        tidy_up(settings)
    except (ContainerError, JournalError) as error:
        raise Failure(str(error), code=START_FAILED) from error
    return 0 if ended.signal is None else 128 + ended.signal


def _stopped_with_it(settings: Settings, containers: JobsFile) -> list[str]:
    """The containers that the last supervisor has ended with, and that begin again with this one.

    Raises Failure.
    """
    with open_journal(settings.detached) as journal:
        return [] if journal is None else stopped_with_it(containers, journal)


@frozen
class _Housekeeping:
    """What goes on beside the containers: the removal of some, and the warm start of commands."""

    keeper: Keeper
    root: str
    liaison: Liaison | None
    """With a service manager that wants to be told."""

    @property
    def watcher(self) -> Watcher:
        if self.liaison is None:
            return self.keeper.watcher
        tidies, tells = self.keeper.watcher, self.liaison.watcher

        def changed(run: JobRun) -> None:
            tidies.changed(run)
            tells.changed(run)

        return Watcher(changed=changed, reloading=tells.reloading)

    async def show(self, service: Service) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host, self.root)
            if self.liaison is not None:
                nursery.start_soon(self.liaison.show, service)
            await self.keeper.show(service)
