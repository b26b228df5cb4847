"""The supervisor of the containers that no jobs file tells of.

It ends when none of them runs any more; what has ended stays written down for the next one.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import structlog
import trio
from attrs import define, field

from runtime.errors import ContainerError
from runtime.volumes.store import FindUsers, VolumeStore
from supervisor.detached.reading import jobs_of
from supervisor.detached.roster import Roster
from supervisor.detached.tidying import abandoned_layers, remove_layers, remove_volumes, tidy
from supervisor.job import JobRun
from supervisor.journal import Journal
from supervisor.places import Places
from supervisor.problems import JobsFileError
from supervisor.scheduler import Over
from supervisor.service import Book, Service, Watcher
from supervisor.workshop import Running

log = structlog.stdlib.get_logger()


def book_of(roster: Roster, again: Collection[str], *, stays: bool) -> Book:
    """How a supervisor of them reads and leaves them."""

    def running(identifier: str) -> Running | None:
        entry = roster.entries().get(identifier)
        if entry is None or entry.container is None:
            return None
        return Running(entry.container, entry.created)

    return Book(
        read=partial(jobs_of, roster),
        lasting=True,
        stays=stays,
        again=again,
        running=running,
        left=partial(left_containers, roster),
    )


def left_containers(roster: Roster, journal: Journal | None) -> set[str]:
    """Those that their users have left, and that no supervisor has taken up yet.

    Raises ContainerError or JournalError.
    """
    return {
        entry.container
        for entry in roster.entries().values()
        if entry.container is not None and (journal is None or journal.last_run(entry.id) is None)
    }


@define(eq=False, kw_only=True)
class Keeper:
    """Removes the containers that are to go when they have ended."""

    roster: Roster
    places: Places
    volume_users: FindUsers
    """Tells who uses which volumes."""
    _ended: trio.Event = field(factory=trio.Event, init=False)

    @property
    def watcher(self) -> Watcher:
        """Is told of each transition."""
        return Watcher(changed=self._note)

    def _note(self, run: JobRun) -> None:
        if run.state.terminal:
            self._ended.set()

    async def show(self, service: Service) -> None:
        """Tidy up whenever one has ended."""
        while True:
            await self._ended.wait()
            self._ended = trio.Event()
            if tidy(self.roster, service.journal, self.places):
                await self._follow(service)
            layers = abandoned_layers(self.roster, service.journal, self.places.directories)
            try:
                await trio.to_thread.run_sync(remove_layers, layers)
            except ContainerError as error:
                log.warning("writable layer not removed", cause=str(error))
            store = VolumeStore.of(self.places.directories)
            try:
                await trio.to_thread.run_sync(remove_volumes, self.roster, store, self.volume_users)
            except ContainerError as error:
                log.warning("volume not removed", cause=str(error))

    async def _follow(self, service: Service) -> None:
        try:
            await service.reload()
        except (Over, JobsFileError) as error:
            log.warning("containers not read again", cause=str(error))
