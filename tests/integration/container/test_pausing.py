"""A container that is paused does nothing at all, and goes on where it was."""

from __future__ import annotations

import pytest
import trio

from tests.integration.container.stage import Stage, end_of, read_line

pytestmark = pytest.mark.root

COUNTS = "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done; echo counted"


async def test_a_paused_container_uses_no_processor(stage: Stage) -> None:
    """Its processor time stands still while it is paused, and its work is done after that."""
    async with stage.started(f"echo up; {COUNTS}") as container:
        assert await read_line(container.stdout) == "up"
        await container.pause()
        before = container.usage().cpu_seconds
        with trio.move_on_after(0.2):  # time that it does not use
            await container.wait()
        assert container.usage().cpu_seconds < before + 0.05
        container.unpause()
        assert (await end_of(container)).text == "counted\n"


async def test_a_paused_container_can_be_killed(stage: Stage) -> None:
    """Nothing is left of it, as of any other."""
    async with stage.started("echo up; exec sleep 1000") as container:
        assert await read_line(container.stdout) == "up"
        await container.pause()
        container.kill()
        assert (await end_of(container)).exit.signal == 9
