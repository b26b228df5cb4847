"""The side of the caller: its process only waits, passes signals on and ends as its fork does.

Imports nothing that costs anything: this is all that stands between the shell and the fork.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what is beside it in `signal` costs time
import _socket
import os
import sys

from supervisor.forkserver.protocol import (
    DESCRIPTOR_BYTES,
    GO,
    PATIENCE,
    READY,
    address,
    encode,
    root_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORWARDED = (
    _signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGUSR1,
    _signal.SIGUSR2, _signal.SIGALRM, _signal.SIGCONT, _signal.SIGWINCH,
)  # fmt: skip
"""What the fork is to get in our place: those that a command gets, and news of the terminal."""
_DEFAULT_ROOT = "/run/pocker"


def delegate(words: Sequence[str]) -> int | None:
    """Have the command done by a fork; its exit code, or None where we have to do it ourselves."""
    root = root_of(words, _DEFAULT_ROOT) if os.geteuid() == 0 else None
    if root is None or _in_background() or not all((sys.stdin, sys.stdout, sys.stderr)):
        return None
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(address(root))
        fork = ask(connection, [os.fsencode(word) for word in words])
        if fork is None:
            return None
        _pass_signals(fork)
        connection.send(GO)
    except OSError:
        connection.close()
        return None
    return _end_like(connection)


def _in_background() -> bool:
    """Whether the kernel would stop us for reading our terminal, which it does to no fork."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False  # not a terminal, or not that of our session


def ask(connection: _socket.socket, words: Sequence[bytes]) -> int | None:
    """Say what is to be done; a pidfd of whoever is ready to do it."""
    umask = os.umask(0)
    os.umask(umask)
    request = memoryview(encode(words, os.environb, umask))
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    descriptors = b"".join(fd.to_bytes(DESCRIPTOR_BYTES, "little") for fd in (0, 1, 2, here))
    beside = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)]
    sent = connection.sendmsg([request], beside)
    connection.sendall(request[sent:])
    os.close(here)
    answer, ancillary, _, _ = connection.recvmsg(
        1, _socket.CMSG_SPACE(DESCRIPTOR_BYTES), _socket.MSG_CMSG_CLOEXEC
    )
    if answer != READY or not ancillary:
        return None
    return int.from_bytes(ancillary[0][2], "little")


def _pass_signals(fork: int) -> None:
    def send(number: int) -> None:
        try:
            _signal.pidfd_send_signal(fork, number)
        except ProcessLookupError:
            return  # its last word is on its way

    def stop(*_: object) -> None:
        send(_signal.SIGSTOP)
        os.kill(os.getpid(), _signal.SIGSTOP)

    for number in FORWARDED:
        _signal.signal(number, lambda number, _: send(number))
    _signal.signal(_signal.SIGTSTP, stop)


def _end_like(connection: _socket.socket) -> int:
    """Wait for the fork's end, and tell its exit code, or be killed as it has been."""
    connection.settimeout(None)
    try:
        code = connection.recv(1)
    except OSError:
        code = b""
    if not code:
        os.kill(os.getpid(), _signal.SIGKILL)
    return code[0]
