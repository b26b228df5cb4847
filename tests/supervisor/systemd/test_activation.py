"""Sockets that the service manager passes on: taken if they are meant for us and fit."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.systemd.activation import listening_socket, passed_descriptors

PROGRAM = """
import json, os
from supervisor.systemd.activation import passed_descriptors
found = passed_descriptors(os.environ)
left = [name for name in os.environ if name.startswith("LISTEN")]
print(json.dumps([found, [os.get_inheritable(fd) for fd in found.values()], left]))
"""


def passed(count: int, names: str | None, pid: str = "$$") -> object:
    """What a process finds that got its own standard input as 3, 4 and so on."""
    copies = " ".join(f"{3 + position}<&0" for position in range(count))
    variables = f"LISTEN_FDS={count} LISTEN_PID={pid}"
    if names is not None:
        variables += f" LISTEN_FDNAMES={names}"
    done = subprocess.run(
        ["sh", "-c", f'{variables} exec "$@" {copies}', "sh", sys.executable, "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return json.loads(done.stdout)


def test_descriptors_come_by_name() -> None:
    """In the order of their numbers; no child inherits them or the variables."""
    assert passed(2, "control:other") == [{"control": 3, "other": 4}, [False, False], []]


def test_names_may_be_missing() -> None:
    """As systemd calls those that have none."""
    assert passed(1, None) == [{"unknown": 3}, [False], []]


def test_those_of_another_process_are_not_taken() -> None:
    """The variables are inherited by mistake, the descriptors are not."""
    assert passed(1, "control", pid="1") == [{}, [], []]


def test_nothing_was_passed() -> None:
    """An ordinary start, and one with rubbish."""
    assert passed_descriptors({}) == {}
    assert passed_descriptors({"LISTEN_PID": "x", "LISTEN_FDS": "y"}) == {}


def test_a_socket_that_listens_at_the_path_is_taken(tmp_path: Path) -> None:
    """That is what the unit file makes."""
    path = str(tmp_path / "control.sock")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(path)
    made.listen()
    with listening_socket(made.detach(), path) as taken:
        assert taken.getsockname() == path


@pytest.mark.parametrize(
    ("kind", "listens", "elsewhere", "cause"),
    [
        (socket.SOCK_DGRAM, False, False, "it is no stream socket of the Unix family"),
        (socket.SOCK_STREAM, False, False, "it does not listen"),
        (socket.SOCK_STREAM, True, True, "it listens at "),
    ],
)
def test_any_other_socket_is_refused(
    tmp_path: Path, kind: socket.SocketKind, listens: bool, elsewhere: bool, cause: str
) -> None:
    """Serving it would let in whom nobody meant to, or nobody at all."""
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX, kind) as made:
        made.bind(path)
        if listens:
            made.listen()
        with pytest.raises(ValueError, match=cause):
            listening_socket(made.dup().detach(), path + "x" * elsewhere)
