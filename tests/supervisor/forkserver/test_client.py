"""What the caller does with a server that behaves in this or that way."""

from __future__ import annotations

import array
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.forkserver import protocol

pytestmark = pytest.mark.root

_PATIENCE = 20.0
_CLIENT = (
    "import os, signal, sys; from supervisor.forkserver.client import delegate;"
    "code = delegate(['--root', sys.argv[1], 'exec']);"
    "print(code, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, flush=True)"
)


@contextmanager
def _asked(root: Path) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """A client that has asked, and the connection to it."""
    (root / "detached").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(protocol.address(str(root)))
        listener.listen()
        listener.settimeout(_PATIENCE)
        with subprocess.Popen(
            [sys.executable, "-c", _CLIENT, root], stdout=subprocess.PIPE, text=True
        ) as client:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(_PATIENCE)
                    connection.recv(protocol.MAX_REQUEST)
                    yield client, connection
            finally:
                client.kill()


def _say_ready(connection: socket.socket, fork: int) -> None:
    pidfd = os.pidfd_open(fork)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
    connection.sendmsg([protocol.READY], rights)
    os.close(pidfd)


def test_it_ends_by_the_signal_that_ended_its_fork(tmp_path: Path) -> None:
    """Who waits for it is told of SIGTERM, where that is what was sent."""
    with subprocess.Popen(["sleep", "1000"]) as fork, _asked(tmp_path) as (client, connection):
        _say_ready(connection, fork.pid)
        assert connection.recv(1) == protocol.GO
        client.terminate()
        assert fork.wait(_PATIENCE) == -signal.SIGTERM
        connection.close()
        assert client.wait(_PATIENCE) == -signal.SIGTERM


def test_signals_are_its_own_again_without_a_fork(tmp_path: Path) -> None:
    """One that died before it had the word: nothing is passed on to it by who does the work."""
    with subprocess.Popen(["sleep", "1000"]) as fork, _asked(tmp_path) as (client, connection):
        connection.shutdown(socket.SHUT_RD)  # the word cannot be sent
        _say_ready(connection, fork.pid)
        assert client.communicate(timeout=_PATIENCE)[0] == "None True\n"
        fork.kill()
