"""A command that this process attends to, while a second one waits for the death of the first."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import trio

from runtime.errors import ContainerError
from supervisor.cli.attend import FORWARDED, ReaderGone
from supervisor.cli.caretaker import Caretaker, TerminalState
from supervisor.cli.groups import first_of

_BROKEN_PIPE = 141


def under_care(
    attend: Callable[[], Awaitable[int]],
    terminal: TerminalState | None,
    *,
    clean_up: Callable[[], None] | None = None,
    done: Callable[[], None] = lambda: None,
) -> int:
    """Attend to a command to its end; returns its exit code. Raises ContainerError.

    Should we be killed, the user's terminal is set back and `clean_up` called, for which a second
    process waits where there is either; otherwise `done` is, while that still does.
    """
    needed = terminal is not None or clean_up is not None
    caretaker = Caretaker.begin(terminal, clean_up) if needed else None
    failures: list[BaseException] = []
    try:
        return trio.run(attend)
    except* (ContainerError, ReaderGone) as group:
        failures.append(first_of(group))
    finally:
        for number in FORWARDED:  # nobody is left whose business they are
            signal.signal(number, signal.SIG_IGN)
        done()
        if caretaker is not None:
            caretaker.dismiss()
    if isinstance(failures[0], ReaderGone):
        return _BROKEN_PIPE
    raise failures[0]
