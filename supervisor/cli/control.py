"""Asking the running supervisor for something."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from supervisor.api import ControlClient, NotServed
from supervisor.cli.records import require_supervisor
from supervisor.cli.settings import Settings

STARTING_SECONDS = 10.0
"""How long a supervisor may take from its lock to its socket."""
_PAUSE = 0.05


def ask(settings: Settings, request: Callable[[ControlClient], object]) -> None:
    """Make a request of the supervisor; one that has only just begun is waited for.

    Raises Failure where there is none, and ControlError.
    """
    client = ControlClient(settings.places.socket)
    deadline = time.monotonic() + STARTING_SECONDS
    answered = False
    while not answered:
        try:
            request(client)
            answered = True
        except NotServed:
            require_supervisor(settings)
            if time.monotonic() > deadline:
                raise
            # It holds its lock already, and nothing tells when the socket will be there.
            time.sleep(_PAUSE)


class SupervisorProcess:
    """The running supervisor, held so that its end can be seen. Raises Failure."""

    def __init__(self, settings: Settings) -> None:
        self.pid = require_supervisor(settings)
        self._pidfd: int | None = None
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return  # ended since the look at the lock
        if require_supervisor(settings) != self.pid:
            os.close(self._pidfd)
            self._pidfd = None

    def wait(self, seconds: float | None) -> bool:
        """Whether it has ended within so many seconds, or at all if None."""
        if self._pidfd is None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def close(self) -> None:
        """Let go of it."""
        if self._pidfd is not None:
            os.close(self._pidfd)
