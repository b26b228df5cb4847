"""SIGHUP means two things: read the file again, or the terminal has gone.

They are told apart by the controlling terminal, which a process has no longer when it was hung up.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from attrs import frozen


@frozen(kw_only=True)
class Terminal:
    """The terminal that this process was started on, if on any."""

    was_there: bool
    ignored: bool
    """Whether its end is to be ignored, as nohup(1) asks for."""

    @classmethod
    def look(cls) -> Terminal:
        """Look before SIGHUP is caught."""
        return cls(was_there=_is_there(), ignored=signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)

    def has_gone(self) -> bool:
        """Whether a SIGHUP came from it."""
        return self.was_there and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def end_as_hung_up() -> NoReturn:
    """End as if nobody had caught the signal."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.raise_signal(signal.SIGHUP)
    raise AssertionError("SIGHUP ends a process that does not catch it")
