"""The way of an entry to the systemd journal: one datagram, or a sealed file where it is too big.

Never blocks. The connection is made when something is sent, and made anew where the journal was
started again.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket

JOURNAL_SOCKET = "/run/systemd/journal/socket"

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_TOO_BIG = (errno.EMSGSIZE, errno.ENOBUFS)


class JournaldConnection:
    """One connection to the journal that listens at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def fileno(self) -> int:
        """What becomes writable when a journal that was busy takes more."""
        assert self._socket is not None, "nothing was sent yet"
        return self._socket.fileno()

    def send(self, entry: bytes) -> None:
        """Send an entry. Raises BlockingIOError where the journal is busy, else OSError."""
        fresh = self._socket is None
        connected = self._socket or self._connect()
        try:
            _send(connected, entry)
        except BlockingIOError:
            raise
        except OSError:
            self.close()
            if fresh:
                raise
            _send(self._connect(), entry)

    def close(self) -> None:
        """Close the connection; the next entry makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            made.connect(self._path)
        except OSError:
            made.close()
            raise
        self._socket = made
        return made


def _send(connected: socket.socket, entry: bytes) -> None:
    try:
        connected.send(entry)
    except OSError as error:
        if error.errno not in _TOO_BIG:
            raise
        _send_file(connected, entry)


def _send_file(connected: socket.socket, entry: bytes) -> None:
    """Pass the entry on as an open file that nobody can change any more."""
    file = os.memfd_create("pocker-journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(entry)
        while rest:
            rest = rest[os.write(file, rest) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
        connected.sendmsg([], [rights])
    finally:
        os.close(file)
