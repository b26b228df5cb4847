"""What is asked about jobs and containers that run, of whoever supervises each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from supervisor.api import ControlError
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served
from supervisor.cli.turns import in_turn


class Asked(Protocol):
    """Who can be asked about a container or job that runs. All raise ControlError."""

    def signal(self, job: str, name: str) -> None:
        """Send its command a signal; KILL ends it."""

    def stop(self, job: str, grace: float | None = None) -> None:
        """Stop it, killing it after so many seconds, and return when it has ended."""

    def pause(self, job: str) -> None:
        """Stop all its processes where they are."""

    def unpause(self, job: str) -> None:
        """Let them go on."""


def whoever_attends(found: Found) -> Asked:
    """Stands for the supervisor that a `pocker run` in the foreground has not."""
    # Only who asks about one of these needs what it takes to see to it himself.
    from supervisor.cli.unsupervised import Unsupervised

    assert found.entry is not None, "no jobs file tells of it"
    return Unsupervised(found.settings.directories, found.entry)


def ask_about(
    settings: Settings,
    words: Sequence[str],
    verb: str,
    request: Callable[[Asked, str], object],
) -> None:
    """Ask it about each, and tell of whom that is done; `request` gets the job. Raises Failure."""

    def ask_about_one(word: str) -> None:
        found = find(settings, word)
        if has_ended(found):
            raise Failure(f"cannot {verb} container {found.name}: it is not running")
        _ask(settings, found, verb, request)

    in_turn(words, ask_about_one)


def _ask(
    settings: Settings,
    found: Found,
    verb: str,
    request: Callable[[Asked, str], object],
) -> None:
    about = partial(_about, request, found.job)
    try:
        if found.attended:
            about(whoever_attends(found))
        elif found.entry is None:
            ask(settings, about)
        else:
            require_served(settings, about)
    except (ControlError, Failure) as error:
        raise Failure(f"cannot {verb} container {found.name}: {error}") from error


def _about(request: Callable[[Asked, str], object], job: str, client: Asked) -> object:
    return request(client, job)
