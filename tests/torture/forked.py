"""Supervisors as children of this process, which has imported everything that they need.

A child does what ``python -m supervisor`` does once it has read its modules, which takes most of
the time of a short run. It may be put behind a filter that lets each of its system calls, and of
those of its containers, be judged (`tests.torture.intercept`).
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from supervisor.cli import main
from tests.torture.calls import CALLS
from tests.torture.intercept import Listener, hand_over


@define(eq=False, kw_only=True)
class Supervisor:
    """A child that runs a command of the supervisor; its output goes to the file `log`."""

    pid: int
    pidfd: int
    log: Path
    listener: Listener | None
    status: int | None = field(default=None, init=False)
    """Its wait status, once it was reaped."""

    @property
    def said(self) -> str:
        """All that it has written up to now."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def ended(self) -> bool:
        """Whether it has ended and was reaped."""
        return self.status is not None

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.status is not None and os.WIFSIGNALED(self.status)

    def terminate(self) -> None:
        """Ask it to end in order."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)


def start(arguments: Sequence[str], log: Path, *, watched: bool) -> Supervisor:
    """Fork a supervisor off; with `watched`, its system calls stand still until answered."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _be_supervisor(arguments, log, theirs if watched else None)
    theirs.close()
    pidfd = os.pidfd_open(pid)
    with ours:
        listener = Listener(pidfd, ours, CALLS) if watched else None
    return Supervisor(pid=pid, pidfd=pidfd, log=log, listener=listener)


def _be_supervisor(arguments: Sequence[str], log: Path, channel: socket.socket | None) -> None:
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, channel.fileno() if channel else 4096)
        if channel is not None:
            os.closerange(channel.fileno() + 1, 4096)
            hand_over(CALLS, channel)
            channel.close()
        code = main(arguments)
        sys.stdout.flush()
    finally:
        # As the interpreter does it, but with no way back into the parent's code.
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def learn(arguments: Sequence[str], scratch: Path) -> None:
    """Run a command once, and import into this process what it has imported."""
    names = scratch / "modules"
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            output = os.open(scratch / "learning", os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = main(arguments)
            names.write_text("\n".join(sys.modules))
        finally:
            os._exit(code)
    os.waitpid(pid, 0)
    for name in names.read_text().splitlines():
        with suppress(ImportError):  # made by another module, and found only after it
            importlib.import_module(name)
