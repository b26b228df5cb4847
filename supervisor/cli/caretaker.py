"""What is left of `pocker run` when it is killed: a process that waits for that, and sees to it.

It is forked before anything of the container is made, lives in a session of its own so that nothing
that ends the other by its group or terminal ends it as well, and hears of the end by a pipe. It
gives the terminal back as it was found and removes the container, which nobody else knows of.
"""

from __future__ import annotations

import os
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from attrs import frozen

from runtime.bystander import stand_by

Attributes: TypeAlias = list[Any]
"""What termios.tcgetattr gives."""

_DONE = b"."


@frozen
class TerminalState:
    """A terminal of the user's, and how it was set."""

    fd: int
    attributes: Attributes

    @classmethod
    def of(cls, fd: int) -> TerminalState:
        """Remember it as it is now."""
        return cls(fd, termios.tcgetattr(fd))

    def restore(self) -> None:
        """Set it as it was; one that has been hung up is left alone."""
        try:
            termios.tcsetattr(self.fd, termios.TCSANOW, self.attributes)
        except termios.error:
            return


@frozen
class Caretaker:
    """The process, and the pipe by which it hears of our end."""

    pid: int
    pipe: int

    @classmethod
    def begin(
        cls, terminal: TerminalState | None, clean_up: Callable[[], None] | None
    ) -> Caretaker:
        """Fork it; `clean_up` is called in it if we are killed. Not while there are threads."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            _care(reader, terminal, clean_up)
        os.close(reader)
        return cls(pid, writer)

    def dismiss(self) -> None:
        """Nothing is left to be seen to."""
        with suppress(BrokenPipeError):  # it has been killed
            os.write(self.pipe, _DONE)
        os.close(self.pipe)
        os.waitpid(self.pid, 0)


def _care(reader: int, terminal: TerminalState | None, clean_up: Callable[[], None] | None) -> None:
    """The whole life of the process."""
    try:
        if terminal is not None:
            terminal = TerminalState(os.dup(terminal.fd), terminal.attributes)
        stand_by()
        os.chdir("/")
        if os.read(reader, 1) != _DONE:
            if terminal is not None:
                terminal.restore()
            if clean_up is not None:
                clean_up()
    finally:
        os._exit(0)
