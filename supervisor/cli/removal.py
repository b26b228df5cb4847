"""Taking a container of `run -d` away, with all that is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial

from runtime.volumes.store import VolumeStore
from supervisor.api import ControlClient, ControlError
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.settings import Settings
from supervisor.cli.standby import ask_served, begin_serving, has_unfinished, is_served
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
