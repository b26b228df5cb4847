"""A fork's way from the server's copy to the client's double, and then the program."""

from __future__ import annotations

import array
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from attrs import frozen

from supervisor.forkserver import bond, protocol
from supervisor.forkserver.resemblance import Dissimilar, become_like, peer_of

_NAME = "pocker"


@frozen
class _Request:
    """What a client asks for, and the descriptors that came with it."""

    umask: int
    words: Sequence[bytes]
    variables: Sequence[bytes]
    descriptors: Sequence[int]


def be_the_client(connection: socket.socket) -> NoReturn:
    """Do what the client at the other end wants done, as if it were this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    try:
        request = _receive(connection)
        become_like(peer_of(connection))
        _take_over(request)
    except (Dissimilar, OSError, ValueError):
        # Whatever is wrong: it does the work itself, where the cause is told to its user.
        with suppress(OSError):  # it has gone
            connection.send(protocol.REFUSED)
        os._exit(0)
    bond.bind(connection)
    from supervisor.cli import enter

    enter()


def _receive(connection: socket.socket) -> _Request:
    """The request. Raises Dissimilar, ValueError or OSError."""
    connection.settimeout(protocol.PATIENCE)
    descriptors = array.array("i")
    space = socket.CMSG_SPACE(protocol.DESCRIPTORS * descriptors.itemsize)
    data, ancillary, _, _ = connection.recvmsg(1 << 16, space, socket.MSG_CMSG_CLOEXEC)
    for _level, _kind, content in ancillary:
        descriptors.frombytes(content)
    if len(descriptors) != protocol.DESCRIPTORS:
        raise ValueError("a request comes with its descriptors")
    length = protocol.LENGTH_BYTES + int.from_bytes(data[: protocol.LENGTH_BYTES], "little")
    if length > protocol.MAX_REQUEST:
        raise ValueError("the request is too long")
    text = bytearray(data)
    while len(text) < length:
        piece = connection.recv(length - len(text))
        if not piece:
            raise ValueError("the client has gone")
        text += piece
    interpreter, umask, words, variables = protocol.decode(bytes(text[protocol.LENGTH_BYTES :]))
    if interpreter != protocol.interpreter():
        raise Dissimilar("another interpreter")
    return _Request(umask, words, variables, tuple(descriptors))


def _take_over(request: _Request) -> None:
    """Be where and who the client is."""
    *standard, directory = request.descriptors
    os.fchdir(directory)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    for descriptor in request.descriptors:
        os.close(descriptor)
    os.umask(request.umask)
    os.environ.clear()
    for variable in request.variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    sys.argv = [_NAME, *(os.fsdecode(word) for word in request.words)]
    random.seed()  # or all forks throw the same dice
    # As Python does it at its start; what they were is the server's log.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, closefd=False),
        os.fdopen(1, "w", closefd=False),
        os.fdopen(2, "w", closefd=False, buffering=1, errors="backslashreplace"),
    )
