"""A fork that only waits for the end of the process that it comes from, to tidy up behind it."""

from __future__ import annotations

import os
import signal


def stand_by() -> None:
    """Let nothing that ends the other by its group or terminal end this one as well.

    Nor does this one hold its standard streams open: whoever reads what it writes must see its end.
    """
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
