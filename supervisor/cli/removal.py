"""Taking a container of `run -d` away, with all that is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

import trio

from runtime.container import Runtime
from runtime.rootfs.writable import remove_layer
from runtime.volumes.store import VolumeStore
from supervisor.api import ControlClient, ControlError
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.finding import Found, current_container
from supervisor.cli.settings import Settings
from supervisor.cli.standby import (
    ask_served,
    begin_serving,
    has_unfinished,
    is_served,
    require_served,
)
from supervisor.detached.roster import Roster
from supervisor.detached.tidying import abandoned_layers, remove_layers, remove_volumes, tidy
from supervisor.journal import Journal
from supervisor.problems import JobsFileError
from supervisor.volumeusers import users_of_volumes


def remove(settings: Settings, identifier: str, *, volumes: bool) -> None:
    """Let nothing be left of a container, which may run. Raises ContainerError or Failure.

    With `volumes` this goes for those that it has and nobody has named.
    """
    Roster.of(settings.detached.directories).remove(identifier, volumes=volumes)
    served = is_served(settings) and ask_or_fail(settings, lambda client: client.reload())
    if not served and has_unfinished(settings):
        begin_serving(settings)  # it ends what nobody has written down
    tidy_up(settings)


def end_for_good(settings: Settings, found: Found) -> None:
    """Kill a container that is to be removed. Raises ContainerError or Failure."""

    def kill(client: ControlClient) -> None:
        client.signal(found.job, "KILL")

    try:
        require_served(settings, kill)
    except Failure:
        container = current_container(found)
        if is_served(settings) or container is None:
            raise
        # Nobody can supervise anything where the disk is full, and this one may be what fills it.
        trio.run(_make_room, found, container)
        with suppress(Failure):  # it may be seen at once that it has ended
            require_served(settings, kill)


async def _make_room(found: Found, identifier: str) -> None:
    directories = found.settings.directories
    with Runtime.visiting(directories, identifier) as (_, container):
        container.kill()
        await container.cgroup.wait_empty()
    remove_layer(directories.kept_layer(found.job))


def tidy_up(settings: Settings) -> None:
    """Take away what is over. Raises ContainerError or JournalError."""
    own = settings.detached
    roster = Roster.of(own.directories)
    with closing(Journal.open(own.places.database)) as journal:
        tidy(roster, journal, own.places)
        remove_layers(abandoned_layers(roster, journal, own.directories))
    users = partial(users_of_volumes, settings.directories)
    remove_volumes(roster, VolumeStore.of(own.directories), users)


def ask_or_fail(settings: Settings, request: Callable[[ControlClient], object]) -> bool:
    """Like `ask_served`. Raises Failure."""
    try:
        return ask_served(settings, request)
    except (ControlError, JobsFileError) as error:
        raise Failure(str(error), code=START_FAILED) from error
