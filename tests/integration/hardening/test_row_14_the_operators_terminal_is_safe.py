"""Row 14: the operator's terminal is safe."""

from __future__ import annotations

import os
import pty
import stat
from pathlib import Path

import pytest
import trio
from attrs import evolve

from runtime.container import Container, Execution
from runtime.execspec import load_inherited
from runtime.spec import Terminal
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

REQUESTS = "0x5412 0x541c 0x100005412 0xffffffff00005412 0x10000541c"
INPUT = ("sh", "-c", f"for request in {REQUESTS}; do probe ioctl $request; done")


async def written_on(attended: Container | Execution) -> list[str]:
    """What is written to a terminal until its last user has gone."""
    content = b""
    while True:
        await trio.lowlevel.wait_readable(attended.terminal)
        try:
            content += os.read(attended.terminal, 65536)
        except OSError:  # EIO: nobody has the other side open any more
            return content.decode().split()


async def test_input_cannot_be_faked(stage: Stage) -> None:
    """Neither TIOCSTI nor TIOCLINUX, also with high bits set, for start and for exec."""
    async with stage.started(*INPUT, terminal=Terminal()) as container:
        assert await written_on(container) == ["EPERM"] * 5
    async with stage.started("sleep", "1000") as container:
        spec = load_inherited(Path(container.directory.inherited).read_text(), INPUT)
        joining = evolve(spec, terminal=Terminal())
        execution = await container.execute(joining, stage.runtime.program)
        assert await written_on(execution) == ["EPERM"] * 5
        await execution.wait()
        execution.close()


async def test_the_host_has_no_part_in_it(stage: Stage) -> None:
    """Started by somebody on a terminal, a container gets another one, in a session of its own."""
    own, other = pty.openpty()
    try:
        script = "readlink /proc/self/fd/0; cut -d' ' -f6,8 /proc/$$/stat; echo $$"
        async with stage.started("sh", "-c", script, terminal=Terminal(), init=False) as container:
            assert await written_on(container) == ["/dev/pts/0", "1", "1", "1"]
            assert stat.S_ISCHR(os.fstat(container.terminal).st_mode)
            assert os.fstat(container.terminal).st_dev != os.fstat(other).st_dev
    finally:
        os.close(own)
        os.close(other)
