"""Between the user's terminal or pipes and those of a command in a container, byte for byte."""

from __future__ import annotations

import os
import signal
import termios
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

import trio
from attrs import define, field

from runtime.errors import ContainerError
from supervisor.cli.caretaker import TerminalState
from supervisor.cli.detachkeys import DetachKeys
from supervisor.cli.failure import describe_os_error

T = TypeVar("T")

FORWARDED = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGCONT,
)  # fmt: skip
"""Signals that are the command's business when they are sent to us."""

_PIECE = 1 << 20
_INSISTENT = 3
"""A command that is the first process of its container gets only the signals that it handles: who
asks it to end so often is not asking any more."""
_STREAMS = {"stdout": 1, "stderr": 2}
_NAMES = {1: "standard output", 2: "standard error"}


class ReaderGone(Exception):
    """Nobody reads what the command writes."""


class OutputError(ContainerError):
    """What the command writes cannot be written to where it is to go."""

    code = 1
    """As Docker has it: the command was started."""


class Attended(Protocol):
    """A command with what it reads and writes: a container, or one that joined it."""

    @property
    def terminal(self) -> int:
        """Our side of its terminal, or -1."""

    @property
    def stdin(self) -> int:
        """The pipe to its input, or -1."""

    def outputs(self) -> Sequence[tuple[str, int]]:
        """The open output pipes."""

    def signal(self, number: int) -> None:
        """Send the command a signal."""

    def kill(self) -> None:
        """End it at once."""

    def close_stdin(self) -> None:
        """Let the command read to the end of its input."""


@contextmanager
def raw(terminal: TerminalState | None) -> Iterator[None]:
    """Every key goes to the command while this lasts."""
    if terminal is None:
        yield
        return
    try:
        tty.setraw(terminal.fd, termios.TCSADRAIN)
        yield
    finally:
        terminal.restore()


def own_terminal(*, terminal: bool, interactive: bool) -> TerminalState | None:
    """The user's terminal, whose keys or whose size are the command's if it has a `terminal`."""
    standard = (0,) if interactive else (1, 2)
    found = [fd for fd in standard if terminal and os.isatty(fd)]
    return TerminalState.of(found[0]) if found else None


def size_of(terminal: TerminalState | None) -> tuple[int, int]:
    """Rows and columns, 0 where there is no terminal."""
    return (0, 0) if terminal is None else termios.tcgetwinsize(terminal.fd)


@define(kw_only=True)
class Attendant:
    """Carries input, output, signals and sizes for as long as a command runs."""

    attended: Attended
    terminal: TerminalState | None
    """The user's, where the command is to follow its size."""
    interactive: bool
    """Whether the command gets our input."""
    keys: DetachKeys | None = None
    """What is typed to leave it."""
    _ended: trio.Event = field(factory=trio.Event, init=False)
    _asked: int = field(default=0, init=False)

    @property
    def is_left(self) -> bool:
        """Whether its user has left it, so that nobody waited for its end."""
        return self.keys is not None and self.keys.found and not self._ended.is_set()

    async def attend(
        self, signals: AsyncIterator[int], wait: Callable[[], Awaitable[T]]
    ) -> T | None:
        """Go on until the command has ended and all it wrote is passed on, or it is left.

        Where it gets our input, every key but those to leave it is its own meanwhile. Raises
        ReaderGone or OutputError.
        """
        with raw(self.terminal if self.interactive else None):
            return await self._attend(signals, wait)

    async def _attend(
        self, signals: AsyncIterator[int], wait: Callable[[], Awaitable[T]]
    ) -> T | None:
        result: T | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_signals, signals)
            if self.interactive:
                nursery.start_soon(self._pass_input, nursery.cancel_scope)
            async with trio.open_nursery() as outputs:
                for stream, pipe in self.attended.outputs():
                    outputs.start_soon(self._pass_output, pipe, _STREAMS[stream])
                if self.attended.terminal >= 0:
                    outputs.start_soon(self._pass_output, self.attended.terminal, 1)
                result = await wait()
                self._ended.set()
            nursery.cancel_scope.cancel()
        return result

    async def _pass_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number == signal.SIGWINCH:
                self._follow_size()
                continue
            self.attended.signal(number)
            self._asked += number in (signal.SIGINT, signal.SIGTERM)
            if self._asked == _INSISTENT:
                self.attended.kill()

    def _follow_size(self) -> None:
        if self.terminal is not None and self.attended.terminal >= 0:
            termios.tcsetwinsize(self.attended.terminal, size_of(self.terminal))

    async def _pass_input(self, attending: trio.CancelScope) -> None:
        sink = self.attended.stdin if self.attended.terminal < 0 else self.attended.terminal
        # In a thread: a file cannot be waited for, and a pipe may have another reader.
        read = partial(os.read, 0, _PIECE)
        try:
            while piece := await trio.to_thread.run_sync(read, abandon_on_cancel=True):
                await _write(sink, piece if self.keys is None else self.keys.feed(piece))
                if self.keys is not None and self.keys.found:
                    attending.cancel()
                    return
        except OSError:
            pass  # a terminal that hung up has no more to say, and a closed pipe needs no more
        self.attended.close_stdin()

    async def _pass_output(self, source: int, sink: int) -> None:
        while piece := await self._read(source):
            try:
                with trio.CancelScope(shield=True):  # what was read is shown, also to who leaves
                    await trio.to_thread.run_sync(_write_all, sink, piece)
            except BrokenPipeError as error:
                raise ReaderGone from error
            except OSError as error:
                raise OutputError(f"write to {_NAMES[sink]}: {describe_os_error(error)}") from error

    async def _read(self, source: int) -> bytes:
        """What is there; nothing when no more can come."""
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                return os.read(source, _PIECE)
            except BlockingIOError:
                # Whatever the command has left running may hold a pipe open for ever. A terminal
                # is hung up when its session ends, and until then there may be more on the way.
                if self._ended.is_set() and source != self.attended.terminal:
                    return b""
            except OSError:
                return b""  # EIO: the terminal's last user has gone
            await self._until_readable(source)

    async def _until_readable(self, source: int) -> None:
        async with trio.open_nursery() as nursery:

            async def until(wait: Callable[[], Awaitable[None]]) -> None:
                await wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(until, partial(trio.lowlevel.wait_readable, source))
            if not self._ended.is_set():
                nursery.start_soon(until, self._ended.wait)


async def _write(sink: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        try:
            view = view[os.write(sink, view) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sink)


def _write_all(sink: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(sink, view) :]
