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
_DEADLY = frozenset(FORWARDED) - {_signal.SIGCONT, _signal.SIGWINCH}
_DEFAULT_ROOT = "/run/pocker"
_FAREWELL = 1.0
"""Seconds that a fork may take to let go of all, once it has told its code."""
_OWN_PLACES = ("/dev/fd/", "/proc/self/", "/proc/thread-self/")
"""What is another thing for each process."""


def delegate(words: Sequence[str]) -> int | None:
    """Have the command done by a fork; its exit code, or None where we have to do it ourselves."""
    root = root_of(words, _DEFAULT_ROOT) if os.geteuid() == 0 else None
    if root is None or not all((sys.stdin, sys.stdout, sys.stderr)) or _is_ours_alone(words):
        return None
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(address(root))
        fork = ask(connection, [os.fsencode(word) for word in words])
        passed = None if fork is None else let_go(connection, fork)
    except OSError:
        passed = None
    if passed is None:
        connection.close()
        return None
    return end_like(connection, passed)


def _is_ours_alone(words: Sequence[str]) -> bool:
    """Whether a fork would find other things behind these words, or at our terminal."""
    if any(place in word for word in words for place in _OWN_PLACES):
        return True
    try:
        background = os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False  # not a terminal, or not that of our session
    # The kernel stops who reads its terminal from the background, where a shell can put us at any
    # time unless the terminal is raw; it stops no fork.
    return background or any(map(_reads_lines, words))


def _reads_lines(word: str) -> bool:
    """Whether this may be the option for input without the one for a terminal beside it."""
    short = word.startswith("-") and not word.startswith("--")
    return (short and "i" in word and "t" not in word) or word.startswith("--i")


def let_go(connection: _socket.socket, fork: int) -> list[int]:
    """Say the word; gives where to look for the signals that were passed on since. Raises OSError.

    A signal that comes meanwhile is the fork's if it has the word, and otherwise still ours.
    """
    before = {number: _signal.getsignal(number) for number in (*FORWARDED, _signal.SIGTSTP)}
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, before)
    try:
        passed = _pass_signals(fork)
        try:
            connection.send(GO)
        except OSError:
            for number, handler in before.items():
                _signal.signal(number, handler)
            raise
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
    return passed


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
    return hear(connection)


def hear(connection: _socket.socket) -> int | None:
    """A pidfd of whoever says that it is ready to do the work."""
    answer, ancillary, _, _ = connection.recvmsg(
        1, _socket.CMSG_SPACE(DESCRIPTOR_BYTES), _socket.MSG_CMSG_CLOEXEC
    )
    if answer != READY or not ancillary:
        return None
    return int.from_bytes(ancillary[0][2], "little")


def _pass_signals(fork: int) -> list[int]:
    passed: list[int] = []

    def send(number: int) -> None:
        try:
            _signal.pidfd_send_signal(fork, number)
        except ProcessLookupError:
            return  # its last word is on its way
        passed.append(number)

    def stop(*_: object) -> None:
        send(_signal.SIGSTOP)
        os.kill(os.getpid(), _signal.SIGSTOP)

    for number in FORWARDED:
        _signal.signal(number, lambda number, _: send(number))
    _signal.signal(_signal.SIGTSTP, stop)
    return passed


def end_like(connection: _socket.socket, passed: Sequence[int]) -> int:
    """Wait for the fork's end, and tell its exit code, or be killed as it has been."""
    code = b""
    try:
        connection.settimeout(None)
        code = connection.recv(1)
        # Nothing may be in use any more when the next command of a script begins.
        connection.settimeout(_FAREWELL)
        connection.recv(1)
    except OSError:
        pass  # it has been killed with something unread, or is late
    if not code:
        deadly = [number for number in passed if number in _DEADLY]
        number = deadly[-1] if deadly else _signal.SIGKILL
        if deadly:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return code[0]
