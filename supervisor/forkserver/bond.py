"""The bond between a client, which only waits, and the process that does its work.

Until the client has said the word nothing can be seen of that process but itself. From then on it
ends when the client does, unless it has set the client free.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.forkserver import protocol

if TYPE_CHECKING:
    import socket

_bonds: list[socket.socket] = []
"""That of this process, if it has one: to whom it belongs is as much its own as its parent."""


def bind(connection: socket.socket) -> None:
    """Say that all is ready, and go on only if the client says so; from then on end with it."""
    # What only has to tell its code, as the help does, does not pay for these.
    import array
    import fcntl
    import signal
    import socket

    with_us = os.pidfd_open(os.getpid())
    beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [with_us]))]
    try:
        connection.sendmsg([protocol.READY], beside)
        os.close(with_us)
        connection.settimeout(None)
        word = connection.recv(1)
    except OSError:
        word = b""  # it has gone
    if word != protocol.GO:
        os._exit(0)
    # Nothing comes any more but the end of the client: from then on we would work for nobody.
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, os.O_ASYNC)
    with suppress(BlockingIOError):
        if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            os._exit(0)
    _bonds.append(connection)


def is_bound() -> bool:
    """Whether this process works for a client, which ends as it is told."""
    return bool(_bonds)


def tell(code: int) -> None:
    """Let the client end with this exit code."""
    for connection in _bonds:
        with suppress(OSError):  # nobody is left to hear it
            connection.send(bytes([code % 256]))


def forget() -> None:
    """Be no part of it, in a process that was forked."""
    for connection in _bonds:
        connection.close()
    _bonds.clear()


def set_free() -> None:
    """Let the client go on with 0, and this process go on without it."""
    import fcntl

    for connection in _bonds:
        fcntl.fcntl(connection, fcntl.F_SETFL, 0)
        tell(0)
        connection.close()
    _bonds.clear()
