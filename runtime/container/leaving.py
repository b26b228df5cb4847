"""A command that its user leaves where it is: from then on a small program holds its terminal.

Whoever started it is its parent, learns how it ends, and has its terminal. He cannot give away the
first, and without the other the command is hung up. So he becomes that program (native/holder.c),
which like a PID 1 of ours stands between the terminal and two pipes, and writes the exit record.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from attrs import frozen

from runtime.container.container import Container
from runtime.container.execution import Execution
from runtime.container.pipes import open_reader, open_writer
from runtime.errors import ContainerError
from runtime.launch import InitProgram
from runtime.process import boottime, started_at
from runtime.replacing import replace_file

_NAME = "terminal"
_HIGH = 7
"""Above all descriptors that the program is started with."""
_NANO = 1_000_000_000


@frozen(kw_only=True)
class Holder:
    """What the program will hold: descriptors of its own, and when the command was started."""

    descriptors: tuple[int, ...]
    """Those of native/holder.h in their order, from 0 on."""
    started: float
    """By `boottime`, in seconds."""

    @classmethod
    def of_container(cls, container: Container) -> Holder:
        """For a container that a supervisor is to take up. Raises ContainerError.

        Its pipes are made now; what its command writes before the program runs waits for it.
        """
        assert container.process is not None, "it runs"
        directory = container.directory
        with _opening() as opened:
            document = json.dumps({"init": container.has_init})
            replace_file(directory.left, document.encode(), alone=True)
            for path in (directory.stdin, directory.stdout):
                with suppress(FileExistsError):  # of an attempt to leave that has failed
                    os.mkfifo(path, 0o600)
            hold = opened(open_reader(directory.stdout))
            output = opened(open_writer(directory.stdout))
            os.set_blocking(output, False)
            # Where PID 1 is `init`, that writes it.
            record = os.devnull if container.has_init else directory.exit_record
            return cls(
                descriptors=(
                    opened(os.open(directory.stdin, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)),
                    output,
                    opened(_open(os.devnull)),
                    opened(os.dup(container.terminal)),
                    opened(os.dup(container.process.pidfd)),
                    opened(_open(record)),
                    hold,
                ),
                started=started_at(container.process.pid),
            )

    @classmethod
    def of_execution(cls, execution: Execution) -> Holder:
        """For a command that joined a container; what it writes is dropped.

        Raises ContainerError.
        """
        process = execution.process
        with _opening() as opened:
            return cls(
                descriptors=(
                    opened(_open(os.devnull)),
                    opened(_open(os.devnull)),
                    opened(_open(os.devnull)),
                    opened(os.dup(execution.terminal)),
                    opened(os.dup(process.pidfd)),
                    opened(_open(os.devnull)),
                    opened(_open(os.devnull)),
                ),
                started=started_at(process.pid),
            )

    def close(self) -> None:
        """Hold nothing, after all."""
        for fd in self.descriptors:
            os.close(fd)

    def become(self, before: Callable[[], None]) -> NoReturn:
        """Be the program from now on; `before` is called when nothing can go wrong any more.

        Raises OSError or StartError.
        """
        program = InitProgram.load()
        program.verify()
        at = time.time() - (boottime() - self.started)
        arguments = [_NAME, str(int(at * _NANO)), str(int(self.started * _NANO))]
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, _HIGH) for fd in self.descriptors]
        executable = fcntl.fcntl(program.fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        before()
        for number, fd in enumerate(high):
            os.dup2(fd, number)
        os.chdir("/")
        os.closerange(len(high), executable)
        os.closerange(executable + 1, os.sysconf("SC_OPEN_MAX"))
        os.execve(executable, arguments, {})


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


@contextmanager
def _opening() -> Iterator[Callable[[int], int]]:
    """Gives what notes a descriptor; all are closed where one cannot be had."""
    fds: list[int] = []

    def note(fd: int) -> int:
        fds.append(fd)
        return fd

    try:
        yield note
    except OSError as error:
        for fd in fds:
            os.close(fd)
        what = f" {error.filename}" if error.filename else ""
        raise ContainerError(f"hold the terminal:{what} {error.strerror}") from error
