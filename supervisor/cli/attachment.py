"""Between the user's terminal and a container that others look after: its log and its input pipe.

Who supervises it goes on to read its output, and what it has logged is shown here. So any number
may be attached, and none of them can hold it up.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial

import trio
from attrs import frozen

from runtime.cgroups.notices import Notices
from runtime.container.input import Input
from runtime.kernel import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from supervisor.api import ControlClient, ControlError
from supervisor.cli.attend import FORWARDED, own_terminal, raw, size_of
from supervisor.cli.care import under_care
from supervisor.cli.caretaker import TerminalState
from supervisor.cli.detachkeys import DetachKeys
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found
from supervisor.cli.follow import Follower
from supervisor.cli.groups import first_of
from supervisor.cli.logparts import Reading, parts_of
from supervisor.cli.printer import Printer
from supervisor.cli.records import open_journal
from supervisor.journal import AttemptRecord, Journal, JournalError, RunRecord
from supervisor.logs import LogError, LogQuery, parse_moment

_PIECE = 65536
_PTY = 136
_UNKNOWN_END = 1
_INTERRUPTED = 130
_TIMES_TO_LEAVE = 3
"""Of SIGINT and SIGTERM: it need not end by them, and its user wants to go."""


@frozen(kw_only=True)
class Attachment:
    """One user at one container."""

    found: Found
    interactive: bool
    keys: bytes
    """What is typed to leave it."""
    since: int | None = None
    """When it was started for this user, in ns since 1970: all from then on is shown, also of one
    that has ended meanwhile. None where it ran already, and only what is to come is shown."""
    passes_signals: bool = False
    """Whether signals to us are the container's."""
    ends_input: bool = False
    """Whether the end of what comes in here is that of the container's input."""
    if_killed: Callable[[], None] | None = None
    """What is still to be done where we are killed."""

    def carry_out(self) -> int:
        """Go on until it has ended or the user leaves; returns the exit code.

        Raises Failure or OSError.
        """
        faults: list[BaseException] = []
        with open_journal(self.found.settings) as journal:
            run = None if journal is None else journal.last_run(self.found.job)
            attempts = [] if journal is None or run is None else journal.attempts(run.id)
            gone = not attempts or (self.since is None and attempts[-1].ended is not None)
            if journal is None or run is None or gone:
                raise Failure(f"container {self.found.name} is not running")
            try:
                # What was started for this user may have been restarted since.
                return self._at(journal, run, attempts[-1 if self.since is None else 0])
            except* (LogError, JournalError, OSError, KeyboardInterrupt) as group:
                faults.append(first_of(group))
        if isinstance(faults[0], KeyboardInterrupt):
            return _INTERRUPTED
        if isinstance(faults[0], OSError):
            raise faults[0]  # what is shown cannot be written, or nobody reads it
        raise Failure(str(faults[0])) from faults[0]

    def _at(self, journal: Journal, run: RunRecord, attempt: AttemptRecord) -> int:
        with _opened(_open_console(attempt)) as console:
            ours = own_terminal(terminal=console >= 0, interactive=self.interactive)
            query = LogQuery(since=_moment(time.time_ns() if self.since is None else self.since))
            session = _Session(
                found=self.found,
                journal=journal,
                ours=ours,
                console=console,
                keys=DetachKeys(self.keys),
                passed=FORWARDED if self.passes_signals else (),
                query=query,
            )
            reading = Reading(
                run=run,
                parts=parts_of(self.found.settings.places, run, [attempt], query),
                open_ended=False,
            )
            typing = partial(session.type_at, self._input(attempt), ends=self.ends_input)
            attend = partial(session.run, reading, attempt, typing if self.interactive else None)
            return under_care(attend, ours, clean_up=self._clean_up(attempt))

    def _input(self, attempt: AttemptRecord) -> AbstractContextManager[Input | None]:
        return Input.of(self.found.settings.directories, attempt.container)

    def _clean_up(self, attempt: AttemptRecord) -> Callable[[], None] | None:
        if not self.ends_input:
            return self.if_killed

        def clean_up() -> None:
            with self._input(attempt) as pipe:
                if pipe is not None:
                    pipe.end()
            if self.if_killed is not None:
                self.if_killed()

        return clean_up


@frozen(kw_only=True)
class _Session:
    found: Found
    journal: Journal
    ours: TerminalState | None
    """The user's terminal, where the container has one as well."""
    console: int
    """The container's, or -1."""
    keys: DetachKeys
    passed: Sequence[int]
    """The signals that are the container's."""
    query: LogQuery

    async def run(
        self, reading: Reading, attempt: AttemptRecord, typing: Callable[[], Awaitable[bool]] | None
    ) -> int:
        printer = Printer(
            sys.stdout.buffer,
            {reading.run.job: self.found.name},
            errors=sys.stderr.buffer,
            timestamps=False,
            terminal=False,
            colour=False,
        )
        left = False
        with (
            closing(Notices()) as notices,
            trio.open_signal_receiver(signal.SIGWINCH, *self.passed) as signals,
            raw(None if typing is None else self.ours),
        ):
            follower = Follower(self.found.settings, self.journal, notices, self.query, printer)
            self._set_size()  # before anything that is typed
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hear, signals)

                async def watch() -> None:
                    await follower.run([reading])
                    nursery.cancel_scope.cancel()

                nursery.start_soon(watch)
                if typing is not None:
                    left = await typing()
                    if left:
                        nursery.cancel_scope.cancel()
        return 0 if left else self._code(attempt)

    def _code(self, attempt: AttemptRecord) -> int:
        now = [a for a in self.journal.attempts(attempt.run) if a.id == attempt.id]
        # With --rm it goes when it has ended, and faster than anybody could look.
        code = now[0].exit_code if now else self.journal.told_exit_code(attempt.run)
        return _UNKNOWN_END if code is None else code

    async def type_at(self, pipe: AbstractContextManager[Input | None], *, ends: bool) -> bool:
        """Pass on what is typed; True once the user leaves, False at the end of the input."""
        read = partial(os.read, 0, _PIECE)
        # Whoever is forked before has no copy of it, which would keep it open.
        with pipe as target:
            while not self.keys.found:
                try:
                    typed = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
                except OSError:
                    typed = b""  # the user's terminal has hung up
                if not typed:
                    if ends and target is not None:
                        target.end()
                    return False
                typed = self.keys.feed(typed) if self.ours is not None else typed
                if target is not None and not await _written(target.fd, typed):
                    return False
        return True

    async def _hear(self, signals: AsyncIterator[int]) -> None:
        ends = 0
        async for number in signals:
            ends += number in (signal.SIGINT, signal.SIGTERM)
            if number == signal.SIGWINCH:
                self._set_size()
            elif ends == _TIMES_TO_LEAVE:
                raise KeyboardInterrupt
            else:
                await trio.to_thread.run_sync(self._pass_signal, number)

    def _pass_signal(self, number: int) -> None:
        client = ControlClient(self.found.settings.places.socket)
        with suppress(ControlError):  # it has just ended, or stands between two attempts
            client.signal(self.found.job, signal.Signals(number).name.removeprefix("SIG"))

    def _set_size(self) -> None:
        if self.ours is not None and self.console >= 0:
            with suppress(termios.error):  # its last user has gone
                termios.tcsetwinsize(self.console, size_of(self.ours))


def _moment(nanoseconds: int) -> str:
    """A time since the epoch, as the log has it."""
    return parse_moment("now", "0s", nanoseconds)


async def _written(pipe: int, typed: bytes) -> bool:
    """Write it all; False where nobody reads any more."""
    while typed:
        try:
            typed = typed[os.write(pipe, typed) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(pipe)
        except BrokenPipeError:
            return False
    return True


def _open_console(attempt: AttemptRecord) -> int:
    """The container's terminal, by which only its size is set; -1 where it has none."""
    try:
        root = os.open(f"/proc/{attempt.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    with _opened(root):
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
            console = openat2(root, "dev/console", flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        except OSError:
            return -1
    if os.isatty(console) and os.major(os.fstat(console).st_rdev) == _PTY:
        return console
    os.close(console)
    return -1


@contextmanager
def _opened(fd: int) -> Iterator[int]:
    """Close it in the end, if it is one."""
    try:
        yield fd
    finally:
        if fd >= 0:
            os.close(fd)
