"""A supervisor is killed and another one takes over: the container runs on, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from runtime.cgroups import CgroupGone
from runtime.container.witness import Ended, Executing
from runtime.errors import StartError
from tests.integration.container.stage import Stage, end_of, read_line, until

pytestmark = pytest.mark.root

SUPERVISOR = """
import sys
import trio
from runtime.container import Runtime
from runtime.directories import Directories
from runtime.errors import StartError
from runtime.spec import ContainerSpec, OverlayRootfs

async def supervise(root, state, image, name, stage, script):
    runtime = Runtime.open(Directories(root, state))
    spec = ContainerSpec(
        id=name, command=("/bin/sh", "-c", script), rootfs=OverlayRootfs((image,)),
        working_dir="/etc/passwd" if stage == "fail" else "/",
    )
    async with runtime.container(spec) as container:
        if stage == "fail":
            try:
                await container.start()
            except StartError:
                pass
        elif stage == "start":
            await container.start()
        print("ready", flush=True)
        await trio.sleep_forever()

trio.run(supervise, *sys.argv[1:])
"""

Start = Callable[..., str]


@pytest.fixture
def killed(stage: Stage) -> Iterator[Start]:
    """Let a supervisor start a script, and kill it; gives the container's name."""
    running: list[subprocess.Popen[str]] = []

    def start(script: str, *, until: str = "start") -> str:
        name = stage.spec("true").id
        directories = stage.runtime.directories
        first = subprocess.Popen(
            [
                *(sys.executable, "-c", SUPERVISOR, directories.root, directories.state),
                *(str(stage.image), name, until, script),
            ],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent.parent,
            text=True,
        )
        running.append(first)
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        running.remove(first)
        first.kill()
        first.communicate()
        return name

    yield start
    for process in running:
        process.kill()
        process.communicate()


async def test_a_container_runs_on(stage: Stage, killed: Start) -> None:
    """It can be talked to and signalled as before, and its status and output are known."""
    script = "trap 'echo got it; exit 7' TERM; echo before; while :; do sleep 1000 & wait $!; done"
    async with stage.runtime.adopted(killed(script)) as container:
        assert isinstance(container.testimony, Executing)
        assert await read_line(container.stdout) == "before"
        container.signal(signal.SIGTERM)
        ended = await end_of(container)
    assert (ended.stdout, ended.stderr) == (b"got it\n", b"")
    assert (ended.exit.code, ended.exit.source) == (7, "record")
    assert ended.exit.elapsed is not None


async def test_what_ended_meanwhile_is_known(stage: Stage, killed: Start) -> None:
    """The command has ended, nobody has read what it wrote: both are there, once."""
    name = killed("echo kept; echo also >&2; exit 3")
    async with stage.runtime.adopted(name) as container:
        await until(lambda: isinstance(container.testimony, Ended))
        with trio.fail_after(10):
            ended = await end_of(container)
    assert (ended.stdout, ended.stderr, ended.exit.code) == (b"kept\n", b"also\n", 3)


async def test_output_that_fills_the_pipe_waits_for_the_next_one(
    stage: Stage, killed: Start
) -> None:
    """A dead supervisor is back-pressure, neither SIGPIPE nor a gap."""
    async with stage.runtime.adopted(killed("yes | head -c 500000; echo done >&2")) as container:
        ended = await end_of(container)
    assert ended.stdout == b"y\n" * 250_000
    assert (ended.stderr, ended.exit.code) == (b"done\n", 0)


async def test_a_silent_end_is_known_after_pid_1_has_gone(stage: Stage, killed: Start) -> None:
    """Without output nothing holds PID 1; its record stays."""
    name = killed("exit 5")
    record = Path(stage.runtime.directories.container(name).exit_record)
    group = stage.runtime.cgroups.open_existing(name)
    with trio.fail_after(10):
        await group.wait_empty()
    assert record.exists()
    async with stage.runtime.adopted(name) as container:
        assert container.process is None
        found = await container.wait()
    assert (found.code, found.signal, found.source) == (5, None, "record")


async def test_a_kill_after_the_takeover_is_told_or_unknown(stage: Stage, killed: Start) -> None:
    """PID 1 is another's child by then; the kernel says how it ended, or nobody does."""
    async with stage.runtime.adopted(killed("exec sleep 1000")) as container:
        container.kill()
        ended = await end_of(container)
    assert (ended.exit.code, ended.exit.signal, ended.exit.source) in (
        (None, signal.SIGKILL, "status"),
        (None, None, "unknown"),
    )


async def test_a_container_that_never_started_is_removed(stage: Stage, killed: Start) -> None:
    """It has nothing to say, and nothing of it stays."""
    name = killed("true", until="create")
    async with stage.runtime.adopted(name) as container:
        assert container.process is None
        assert (await container.wait()).source == "unknown"
    assert os.listdir(stage.runtime.directories.containers) == []


async def test_a_failed_start_is_told_again(stage: Stage, killed: Start) -> None:
    """From the exit file, as the plan and the report pipe are gone."""
    name = killed("true", until="fail")
    async with stage.runtime.adopted(name) as container:
        with pytest.raises(StartError) as error:
            await container.wait()
    assert str(error.value) == "open directory /etc/passwd: not a directory"


async def test_what_is_not_there_cannot_be_adopted(stage: Stage) -> None:
    """A name without a group is an error that says so."""
    with pytest.raises(CgroupGone, match="test-none"):
        async with stage.runtime.adopted("test-none"):
            pass
