"""Children in a container's namespace of which nobody knows: they are reaped, and no others."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
import trio

from runtime.container import Container
from runtime.errors import StartError
from runtime.execspec import load_inherited
from runtime.kernel import CLONE_NEWPID
from runtime.process import Process, reap_unknown
from tests.integration.container.stage import Stage

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


async def test_a_container_ends_whenever_it_is_killed_while_a_command_joins_it(
    stage: Stage,
) -> None:
    """The command may have been born, and have told nobody of itself yet."""
    for step in range(60):
        async with stage.started("sleep", "1000") as container, trio.open_nursery() as nursery:
            nursery.start_soon(_join, stage, container)
            await trio.sleep(step * 50e-6)
            with trio.fail_after(5):
                container.kill()
                assert container.process is not None
                await container.process.wait()


async def _join(stage: Stage, container: Container) -> None:
    spec = load_inherited(await trio.Path(container.directory.inherited).read_text(), ("true",))
    with suppress(StartError):
        execution = await container.execute(spec, stage.runtime.program)
        await execution.wait()
        execution.close()
