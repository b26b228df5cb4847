"""An input that stays open although nobody may be there to write to it."""

from __future__ import annotations

import os

import pytest
import trio

from runtime.container import Container
from runtime.container.input import Input
from tests.integration.container.stage import Stage, end_of, read_line

pytestmark = pytest.mark.root

TWO_LINES = "read a; echo $a; read b; echo $b; exit 4"


def type_at(stage: Stage, container: Container, text: str, *, end: bool = False) -> None:
    """Write to the container's input, as one who has just come."""
    with Input.of(stage.runtime.directories, container.id) as pipe:
        assert pipe is not None
        os.write(pipe.fd, text.encode())
        if end:
            pipe.end()


@pytest.mark.parametrize("init", [True, False])
async def test_it_stays_open(stage: Stage, init: bool) -> None:
    """The command reads what several writers write, one after the other."""
    async with stage.started(TWO_LINES, stdin_open=True, init=init) as container:
        type_at(stage, container, "one\n")
        assert await read_line(container.stdout) == "one"
        type_at(stage, container, "two\n")
        ended = await end_of(container)
    assert (ended.stdout, ended.code) == (b"two\n", 4)


@pytest.mark.parametrize("merged", [True, False])
async def test_it_ends_when_somebody_says_so(stage: Stage, merged: bool) -> None:
    """All before it is read, also by who opens it only then, and nobody can write any more."""
    script = "read a; echo $a; read b; echo $b; cat /dev/stdin; exit 4"
    async with stage.started(script, stdin_open=True, merge_output=merged) as container:
        type_at(stage, container, "one\n")
        assert await read_line(container.stdout) == "one"
        type_at(stage, container, "two\nthree", end=True)
        with Input.of(stage.runtime.directories, container.id) as pipe:
            assert pipe is None
        with trio.fail_after(10):
            ended = await end_of(container)
    assert (ended.stdout, ended.code) == (b"two\nthree", 4)


async def test_it_outlives_who_attends_to_the_container(stage: Stage) -> None:
    """Who holds it open is in the container."""
    spec, runtime = stage.spec("cat", "-", stdin_open=True), stage.runtime
    first = Container.create(spec, runtime.directories, runtime.cgroups, runtime.program)
    await first.start()
    type_at(stage, first, "one\n")
    assert await read_line(first.stdout) == "one"
    first.release()
    async with runtime.adopted(spec.id) as second:
        type_at(stage, second, "two\n", end=True)
        with trio.fail_after(10):
            ended = await end_of(second)
    assert (ended.stdout, ended.code) == (b"two\n", 0)


async def test_others_may_go_on_for_a_while(stage: Stage) -> None:
    """Who writes already when another one says so is read to his end."""
    async with stage.started("cat", "-", stdin_open=True) as container:
        with Input.of(stage.runtime.directories, container.id) as pipe:
            assert pipe is not None
            type_at(stage, container, "one\n", end=True)
            assert await read_line(container.stdout) == "one"
            os.write(pipe.fd, b"two\n")
        with trio.fail_after(10):
            ended = await end_of(container)
    assert (ended.stdout, ended.code) == (b"two\n", 0)


@pytest.mark.parametrize("init", [True, False])
async def test_what_nobody_reads_holds_nothing_up(stage: Stage, init: bool) -> None:
    """The command ends, and what it has written is not lost by that."""
    script = "sleep 0.05; echo on; exit 4"
    async with stage.started(script, stdin_open=True, init=init) as container:
        type_at(stage, container, "never read\n")
        with trio.fail_after(10):
            ended = await end_of(container)
    assert (ended.stdout, ended.code) == (b"on\n", 4)


@pytest.mark.parametrize("init", [True, False])
async def test_there_need_be_none(stage: Stage, init: bool) -> None:
    """Nor is a pipe of the command's own taken for it."""
    async with stage.started("echo on; sleep 1000 | exec sleep 1000 7>&1", init=init) as container:
        assert await read_line(container.stdout) == "on"
        with Input.of(stage.runtime.directories, container.id) as pipe:
            assert pipe is None
