"""Whatever happened before: after a container nothing of it is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from runtime.container import Container
from runtime.directories import Directories
from runtime.errors import StartError
from runtime.process import Process
from runtime.spec import HostRootfs, OverlayRootfs, Tmpfs, Volume
from tests.integration.container.stage import (
    Stage,
    end_of,
    left_since,
    read_line,
    stage_in,
    traces,
)

pytestmark = pytest.mark.root


@pytest.fixture
def unchanged(stage: Stage) -> Iterator[None]:
    """Fail a test after which anything on the machine is not as before.

    What a runtime opens once for all its containers is opened before it looks.
    """
    trio.run(stage.run, "true")
    before = traces()
    yield
    assert left_since(before) == []


def test_a_closed_runtime_holds_nothing(state: Directories, busybox: Path) -> None:
    """What was opened once for all containers is closed with it, though not by any of them."""
    before = traces()
    with stage_in(state, busybox) as stage:
        trio.run(stage.run, "true")
    assert left_since(before) == []


async def test_a_container_that_never_started(stage: Stage, unchanged: None) -> None:
    """Directories and groups are all there is of it."""
    async with stage.runtime.container(stage.spec("true")) as container:
        assert os.path.isdir(container.directory.runtime)
        assert all(os.path.isdir(path) for path in container.cgroup.paths.values())
    assert not os.path.exists(container.directory.runtime)
    assert not any(os.path.exists(path) for path in container.cgroup.paths.values())


async def test_a_container_that_runs_is_ended(stage: Stage, unchanged: None) -> None:
    """With all its processes, also such as ignore signals or have left the session."""
    script = "trap '' TERM INT HUP; setsid sleep 1000 & (sleep 1000 &) ; echo go; sleep 1000"
    async with stage.started(script) as container:
        assert await read_line(container.stdout) == "go"
    assert container.cgroup.members() == []


async def test_deleting_twice_is_deleting_once(stage: Stage, unchanged: None) -> None:
    """Also while the first one is at work."""
    async with stage.started("sleep", "1000") as container:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(container.delete)
            nursery.start_soon(container.delete)
        await container.delete()


async def test_deleting_while_others_wait(stage: Stage, unchanged: None) -> None:
    """They are told how it ended."""
    async with stage.started("sleep", "1000") as container:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(container.wait)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(container.delete)
        assert (await container.wait()).signal == signal.SIGKILL


async def test_a_failure_inside_ends_the_container(stage: Stage, unchanged: None) -> None:
    """The error comes through, the container does not stay."""
    with pytest.raises(RuntimeError, match="of the caller"):
        async with stage.started("sleep", "1000"):
            raise RuntimeError("a mistake of the caller")


async def test_a_start_can_be_cancelled(stage: Stage, unchanged: None) -> None:
    """At its first wait, which is for the command to be executed."""
    with trio.CancelScope() as scope:
        async with stage.runtime.container(stage.spec("sleep", "1000")) as container:
            scope.cancel()
            await container.start()
            pytest.fail("the start was not cancelled")
    assert scope.cancelled_caught


async def test_waiting_can_be_cancelled(stage: Stage, unchanged: None) -> None:
    """And what runs goes with the scope that it was started in."""
    async with trio.open_nursery() as nursery:
        async with stage.started("sleep", "1000") as container:
            with trio.move_on_after(0.02) as scope:
                await container.wait()
            assert scope.cancelled_caught
            assert len(container.cgroup.members()) == 2
        nursery.cancel_scope.cancel()


async def test_deleting_is_not_cancelled(stage: Stage, unchanged: None) -> None:
    """Cleaning up is finished though everything around it is cancelled."""
    with trio.CancelScope() as scope:
        async with stage.started("sleep", "1000"):
            scope.cancel()
            await trio.lowlevel.checkpoint()


async def hang(process: Process) -> None:
    """Wait for a process that hangs, but not for ever: a deletion is not cancelled."""
    await trio.sleep(5)
    pytest.fail(f"nobody stopped the wait for process {process.pid}")


def reap(pid: int) -> None:
    """Take away a child that has been killed."""
    os.waitpid(pid, 0)


async def test_deleting_does_not_wait_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PID 1 that hangs in the kernel does not hold up all others."""
    async with stage.started("sleep", "1000") as container:
        assert container.process is not None
        with monkeypatch.context() as patch:
            patch.setattr(Process, "wait", hang)
            patch.setattr("runtime.container.container._PATIENCE", 0.01)
            await container.delete()
        reap(container.process.pid)


async def test_layers_of_any_kind_are_removed(stage: Stage, unchanged: None) -> None:
    """Files without rights, deep directories, devices of overlayfs, immutable names."""
    script = """
        rm -r /bin/true /home; mkdir /home; echo x >>/etc/passwd
        mkdir -p /deep/a/b/c/d; chmod 0 /deep/a/b; touch "/deep/new
line"; mkfifo /deep/fifo; ln -s / /deep/link; ln /deep/fifo /deep/hard
    """
    async with stage.started(script) as container:
        ended = await end_of(container)
        assert ended.exit.code == 0
        assert os.listdir(container.directory.layer.upper)
    assert not os.path.exists(container.directory.state)
    assert (stage.image / "bin/true").is_symlink()


async def test_a_volume_is_not_removed_with_its_container(
    stage: Stage, tmp_path: Path, unchanged: None
) -> None:
    """Nothing of what was mounted is reached by removing the directories."""
    (tmp_path / "file").write_text("kept")
    volumes = (Volume(source=str(tmp_path), target="/data"),)
    tmpfs = (Tmpfs(target="/data/scratch"),)
    for rootfs in (HostRootfs(), OverlayRootfs((str(stage.image),))):
        await stage.run("true", volumes=volumes, tmpfs=tmpfs, rootfs=rootfs)
    assert (tmp_path / "file").read_text() == "kept"


async def test_fifty_at_once_leave_nothing(stage: Stage, unchanged: None) -> None:
    """Some end by themselves, some fail to start, some are killed, some are cancelled."""
    started: list[Container] = []

    async def one(number: int) -> None:
        command = ("true", "none-such", "sleep", "sleep", "yes")[number % 5]
        with trio.CancelScope() as scope:
            try:
                async with stage.started(command, *["1000"] * (command == "sleep")) as container:
                    started.append(container)
                    match number % 5:
                        case 0:
                            assert (await end_of(container)).exit.code == 0
                        case 2:
                            container.kill()
                            assert (await end_of(container)).exit.signal == signal.SIGKILL
                        case 3:
                            scope.cancel()
                            await container.wait()
                        case 4:
                            await read_line(container.stdout)
            except StartError as error:
                assert str(error) == "command not found: none-such"

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(one, number)
    assert len(started) == 40
