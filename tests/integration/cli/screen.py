"""A terminal of our own, and what a program has drawn on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
ABOUT_TERMINALS = {"COLUMNS", "LINES", "NO_COLOR", "TERM"}
"""Variables by which a terminal would not be judged as what it is."""
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


class Screen:
    """A program on a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._terminal: int | None = terminal
        self.drawn = b""
        """Everything, with all control sequences."""
        self._found = 0

    @property
    def text(self) -> str:
        """The same without them."""
        return ESCAPE.sub(b"", self.drawn).replace(b"\r", b"").decode()

    def read_until(self, text: str) -> None:
        """Read on until this text was drawn behind the one that was waited for before."""
        while (place := self.text.find(text, self._found)) < 0:
            assert self._read(), f"ended after {self.text}"
        self._found = place + len(text)

    def finish(self) -> int:
        """Read to the end; returns the exit code."""
        while self._read():
            pass
        return self.process.wait()

    @property
    def terminal(self) -> int:
        """Our side of it."""
        assert self._terminal is not None
        return self._terminal

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self.terminal, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size."""
        termios.tcsetwinsize(self.terminal, (rows, columns))

    def hang_up(self) -> int:
        """Let the terminal go away; returns how the program ended."""
        self.close()
        return self.process.wait()

    def close(self) -> None:
        """Let go of it."""
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _read(self) -> bool:
        assert self._terminal is not None
        try:
            piece = os.read(self._terminal, 65536)
        except OSError:
            return False  # EIO: nobody has the other side open any more
        self.drawn += piece
        return bool(piece)


@contextmanager
def screen(
    command: Sequence[str], *, rows: int, columns: int, environment: Mapping[str, str]
) -> Iterator[Screen]:
    """Run a command on a terminal of this size."""
    own, other = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    known = os.environ.items()
    variables = {key: value for key, value in known if key not in ABOUT_TERMINALS}
    process = subprocess.Popen(
        command,
        stdin=other,
        stdout=other,
        stderr=other,
        env={**variables, "TERM": "xterm", **environment},
    )
    os.close(other)
    shown = Screen(process, own)
    try:
        yield shown
    finally:
        process.kill()
        process.wait()
        shown.close()
