"""Going on in another process than the one that the shell waits for.

So a command can be left: its user's shell goes on, and what holds the command's terminal does, too.
A fork of the server's is such a process already.
"""

from __future__ import annotations

import os
import socket
import sys

from supervisor.forkserver.bond import bind, is_bound
from supervisor.forkserver.client import end_like, hear, let_go


def step_aside() -> None:
    """Go on in a process of one's own; this one then only waits for it, as a client does.

    Not while there are threads. Only where our terminal's keys are ours: the kernel would stop who
    reads it from the background, and does not stop a process of another session.
    """
    if is_bound() or _is_in_background():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    ours, its = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        os.setsid()
        bind(its)
        return
    its.close()
    try:
        process = hear(ours)
        passed = None if process is None else let_go(ours, process)
    except OSError:
        passed = None
    if passed is not None:  # else it has been killed at once, and we do the work
        os._exit(end_like(ours, passed))


def _is_in_background() -> bool:
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False  # not that of our session
