"""Children in a container's namespace of which nobody knows: they are reaped, and no others."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest
import trio

from runtime.kernel import CLONE_NEWPID
from runtime.process import Process, reap_unknown

pytestmark = pytest.mark.root


@pytest.fixture
def dead() -> Iterator[int]:
    """Give the pid of a child in a namespace of its own that has ended, and is still there."""
    libc = ctypes.CDLL(None, use_errno=True)
    ours = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    assert libc.unshare(CLONE_NEWPID) == 0
    if (pid := os.fork()) == 0:
        os._exit(0)
    assert libc.setns(ours, CLONE_NEWPID) == 0
    os.close(ours)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    yield pid
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return


def test_one_that_nobody_holds_is_reaped(dead: int) -> None:
    """Or the first process of its namespace could never end."""
    trio.run(reap_unknown, 1.0)
    with pytest.raises(ChildProcessError):
        os.waitpid(dead, os.WNOHANG)


def test_one_that_is_held_is_left_to_its_holder(dead: int) -> None:
    """Who learns how it ended."""
    process = Process(dead, os.pidfd_open(dead))
    trio.run(reap_unknown, 1.0)
    status = trio.run(process.wait)
    assert status is not None
    assert status.code == 0
    process.close()


def test_children_of_our_own_kind_are_left_alone() -> None:
    """They are somebody else's in this process."""
    if (pid := os.fork()) == 0:
        os._exit(3)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    trio.run(reap_unknown, 1.0)
    assert os.waitpid(pid, 0)[1] >> 8 == 3
