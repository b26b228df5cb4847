"""What is asked about jobs and containers that run, of whoever supervises each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from supervisor.api import ControlClient, ControlError
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served
from supervisor.cli.turns import in_turn


def ask_about(
    settings: Settings,
    words: Sequence[str],
    verb: str,
    request: Callable[[ControlClient, str], object],
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
    request: Callable[[ControlClient, str], object],
) -> None:
    about = partial(_about, request, found.job)
    try:
        if found.entry is None:
            ask(settings, about)
        else:
            require_served(settings, about)
    except (ControlError, Failure) as error:
        raise Failure(f"cannot {verb} container {found.name}: {error}") from error


def _about(
    request: Callable[[ControlClient, str], object], job: str, client: ControlClient
) -> object:
    return request(client, job)
