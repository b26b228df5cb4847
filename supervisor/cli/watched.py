"""`pocker run` in the foreground with what only a supervisor sees to: restarts, health, a log.

As with Docker it is one of `run -d` that its user is attached to: the exit code is that of its
first attempt, signals are passed on, and it stays when it has ended, unless --rm was given.
"""

from __future__ import annotations

import time
from functools import partial

from attrs import evolve

from supervisor.cli.attachment import Attachment
from supervisor.cli.detach import detach
from supervisor.cli.finding import find, has_ended
from supervisor.cli.removal import tidy_up
from supervisor.cli.settings import Settings
from supervisor.cli.wanted import Wanted
from supervisor.detached.roster import Roster


def carry_out(settings: Settings, wanted: Wanted, keys: bytes) -> int:
    """Start it and stay until its first attempt has ended or it is left; returns the exit code.

    Raises ContainerError, OrderError or Failure.
    """
    since = time.time_ns()
    # What it wrote would go with it before it is shown.
    identifier = detach(settings, evolve(wanted, remove=False))
    found = find(settings, identifier)
    roster = Roster.of(settings.detached.directories)
    remove_later = partial(roster.remove_in_the_end, identifier) if wanted.remove else None
    interactive = bool(wanted.table["stdin_open"])
    attachment = Attachment(
        found=found,
        ends_input=interactive,
        if_killed=remove_later,
        interactive=interactive,
        keys=keys,
        since=since,
        passes_signals=True,
    )
    code = attachment.carry_out()
    if remove_later is not None:
        remove_later()
        if has_ended(found):
            tidy_up(settings)
    return code
