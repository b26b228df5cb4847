"""Asking the supervisor of the containers that no jobs file tells of; it is started where needed.

It ends by itself when nothing runs any more, at any moment, so each request is prepared to find it
just ending, and to be made of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing, suppress

from supervisor.api import ControlClient, ControlError, Gone
from supervisor.cli.control import SupervisorProcess, ask
from supervisor.cli.failure import Failure
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.detached.roster import Roster
from supervisor.lock import holder


def is_served(settings: Settings) -> bool:
    """Whether there is such a supervisor now."""
    return holder(settings.detached.directories.state) is not None


def begin_serving(settings: Settings, again: Collection[str] = ()) -> bool:
    """Start one, which begins these containers anew. Raises Failure.

    Returns False where somebody else has been faster: theirs will do, once it is asked.
    """
    # Only who has to start one needs to be able to.
    from supervisor.cli import background

    try:
        background.start(settings, ["serve"], [*again], settings.detached.places.own_log)
    except background.Occupied:
        return False
    return True


def ask_served(settings: Settings, request: Callable[[ControlClient], object]) -> bool:
    """Make a request of the supervisor that there is; False where there is none any more.

    Raises ControlError or JobsFileError.
    """
    own = settings.detached
    try:
        ask(own, request)
    except Gone:
        with suppress(Failure), closing(SupervisorProcess(own)) as ending:
            ending.wait(None)
        return False
    except Failure:
        return False
    return True


def has_unfinished(settings: Settings) -> bool:
    """Whether a container runs, or would if there were a supervisor."""
    with open_journal(settings.detached) as journal:
        if journal is not None and journal.unfinished_runs():
            return True
    return _has_left(settings)


def _has_left(settings: Settings) -> bool:
    """Whether somebody has left a container that no supervisor has taken up yet."""
    entries = Roster.of(settings.detached.directories).entries().values()
    left = [entry.id for entry in entries if entry.container is not None]
    if not left:
        return False
    with open_journal(settings.detached) as journal:
        return journal is None or any(journal.last_run(each) is None for each in left)


def require_served(settings: Settings, request: Callable[[ControlClient], object]) -> None:
    """Make a request of the supervisor, which is started if there is anything to supervise.

    It may end for lack of that before it has answered. Raises Failure.
    """

    def ask_who_knows_all(client: ControlClient) -> None:
        if _has_left(settings):
            client.reload()
        request(client)

    while is_served(settings) or has_unfinished(settings):
        if not is_served(settings):
            begin_serving(settings)
        try:
            if ask_served(settings, ask_who_knows_all):
                return
        except ControlError as error:
            raise Failure(str(error)) from error
