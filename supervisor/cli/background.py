"""A supervisor in the background: started here, told to be ready or to have failed by a pipe.

The pipe carries `READY` once jobs begin, or the message of whatever came before that, behind
`OCCUPIED` where it was another supervisor; it is at end-of-file when the child has said what it had
to say, or has died.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from runtime.container import Runtime
from runtime.errors import ContainerError
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.settings import Settings
from supervisor.lock import AlreadyRunning
from supervisor.problems import JobsFileError

READY = b"\0ready"
OCCUPIED = b"\0occupied"
"""No message begins like these."""


class Occupied(Failure):
    """Another supervisor has been faster."""


def start(settings: Settings, command: Sequence[str], operands: Sequence[str], own_log: str) -> int:
    """Start a command that supervises, in a session of its own, and return when its jobs begin.

    Returns its pid. Raises Failure, which is Occupied where there is another supervisor already.
    """
    try:
        Runtime.require_rights()
        settings.directories.prepare()
    except ContainerError as error:
        raise Failure(str(error), code=START_FAILED) from error
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    try:
        os.set_inheritable(write_end, True)
        pid = _spawn(_arguments(settings, command, operands, write_end), own_log)
    finally:
        os.close(write_end)
    with open(read_end, "rb") as pipe:
        said = pipe.read()
    if said != READY:
        _, status = os.waitpid(pid, 0)
        text = said.removeprefix(OCCUPIED).decode(errors="replace")
        kind = Occupied if said.startswith(OCCUPIED) else Failure
        raise kind(
            text or f"the supervisor has died, see {own_log}",
            code=os.waitstatus_to_exitcode(status) % 256 or START_FAILED,
        )
    return pid


def _arguments(
    settings: Settings, command: Sequence[str], operands: Sequence[str], ready: int
) -> list[str]:
    level = [] if settings.log_level is None else ["--log-level", settings.log_level]
    directories = settings.directories
    return [
        sys.executable, "-P", "-m", "supervisor",
        "--root", directories.root, "--state", directories.state,
        *level, "--log-format", settings.log_format,
        *command, "--ready-fd", str(ready), "--", *operands,
    ]  # fmt: skip


def _spawn(arguments: list[str], own_log: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    return os.posix_spawn(
        arguments[0],
        arguments,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, own_log, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


@contextmanager
def reporting_to(pipe: int) -> Iterator[Callable[[], None]]:
    """The other side: gives what to call when jobs begin, and passes a failure before that on."""
    os.set_inheritable(pipe, False)
    # The directory that the user happened to be in can be unmounted while jobs run.
    os.chdir("/")
    open_ends = [pipe]

    def say(message: bytes) -> None:
        if open_ends:
            end = open_ends.pop()
            os.write(end, message)
            os.close(end)

    try:
        yield lambda: say(READY)
    except (Failure, JobsFileError) as error:
        occupied = isinstance(error.__cause__, AlreadyRunning)
        say((OCCUPIED if occupied else b"") + str(error).encode())
        raise
