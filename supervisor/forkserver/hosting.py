"""The supervisor's part: it keeps the socket, and has a server whenever somebody connects.

So nothing is spent before there is somebody, and nobody who connects finds the door shut.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import trio

from runtime.process import Process
from supervisor.forkserver.protocol import address

log = structlog.stdlib.get_logger()

_FAREWELL_SECONDS = 1.0
_BACKLOG = 64


async def host(root: str) -> None:
    """Have a server for the clients of this runtime directory until cancelled.

    Without it they do without, so what keeps it from being there is only told.
    """
    try:
        with _listening(address(root)) as listener:
            while True:
                await trio.lowlevel.wait_readable(listener)
                await _have_server(listener)
    except OSError as error:
        log.warning("commands start slowly: no fork server", cause=str(error))
        await trio.sleep_forever()


@contextmanager
def _listening(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as listener:
        with suppress(FileNotFoundError):
            os.unlink(path)  # of a supervisor that was killed: there is one at a time
        listener.bind(path)
        try:
            listener.listen(_BACKLOG)
            yield listener
        finally:
            os.unlink(path)


async def _have_server(listener: socket.socket) -> None:
    """One server from its start to its end."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(writer, "wb", buffering=0) as lifeline:
        with os.fdopen(reader, "rb", buffering=0) as other_end:
            pid = _spawn(listener.fileno(), other_end.fileno())
        server = Process(pid, os.pidfd_open(pid))
        try:
            status = await server.wait()
        finally:
            lifeline.close()
            with trio.move_on_after(_FAREWELL_SECONDS, shield=True):
                await server.wait()
            server.close()
    if status is None or status.code != 0:
        log.warning("the fork server has failed", status=str(status))
        _refuse(listener)


def _refuse(listener: socket.socket) -> None:
    """Let go of those that wait: what failed would fail for them again."""
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()


def _spawn(listener: int, lifeline: int) -> int:
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "supervisor.forkserver", "3", "4"],
        os.environ,
        file_actions=_descriptors(listener, lifeline),
        setsid=True,
        setsigdef=range(1, 32),
        setsigmask=(),
    )


def _descriptors(listener: int, lifeline: int) -> list[tuple[int, ...]]:
    """Have them as 3 and 4, whatever they are here; one may be the other's number."""
    high = max(listener, lifeline, 4) + 1
    return [
        (os.POSIX_SPAWN_DUP2, listener, high),
        (os.POSIX_SPAWN_DUP2, lifeline, 4),
        (os.POSIX_SPAWN_DUP2, high, 3),
        (os.POSIX_SPAWN_CLOSE, high),
    ]
