"""A control socket that the service manager has made and keeps."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from supervisor.api import ControlClient
from supervisor.places import Places
from tests.integration.systemd.conftest import Manager
from tests.integration.systemd.test_notification import ONE

pytestmark = pytest.mark.root


@pytest.fixture
def control(manager: Manager) -> Iterator[socket.socket]:
    """Give a socket that listens where the supervisor would."""
    manager.pocker.directories.prepare()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(Places(directories=manager.pocker.directories).socket)
        made.listen()
        yield made


def test_who_connects_between_two_supervisors_is_served_by_the_second(
    manager: Manager, control: socket.socket
) -> None:
    """The socket is the same one before, between and after, and no supervisor removes it."""
    path = control.getsockname()
    file = manager.pocker.file(ONE)
    process = manager.start(file, control=control)
    manager.told.until(STATUS="1 running, 0 waiting, 0 failed")
    assert set(ControlClient(path).memory()) == {"stays"}
    process.send_signal(signal.SIGQUIT)
    assert manager.finish(process) == 131
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as early:
        early.connect(path)
        early.sendall(b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        process = manager.start(file, control=control)
        assert b'"job":"stays"' in b"".join(iter(lambda: early.recv(4096), b""))
    process.send_signal(signal.SIGTERM)
    assert manager.finish(process) == 143
    assert os.stat(path).st_mode


def test_a_socket_of_another_place_is_refused(manager: Manager, control: socket.socket) -> None:
    """Commands would not find it there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(manager.pocker.top / "other"))
        other.listen()
        process = manager.start(manager.pocker.file(ONE), control=other, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 125
    assert b"use the passed control socket: it listens at " in said
