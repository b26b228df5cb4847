"""Commands that join a container that runs."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import evolve

from runtime.container import Container, Execution
from runtime.errors import SpecError, StartError
from runtime.execspec import ExecSpec, load_inherited
from runtime.limits import Limits
from runtime.spec import Terminal, Ulimit
from tests.integration.container.stage import Stage, left_since, read_all, read_line, traces

pytestmark = pytest.mark.root


def spec_for(container: Container, *command: str, **changes: Any) -> ExecSpec:
    """A command that has all that the container left it, but for `changes`."""
    with open(container.directory.inherited) as file:
        return evolve(load_inherited(file.read(), command), **changes)


@asynccontextmanager
async def joined(
    stage: Stage, container: Container, *command: str, **changes: Any
) -> AsyncIterator[Execution]:
    """A command that runs in a container."""
    spec = spec_for(container, *command, **changes)
    execution = await container.execute(spec, stage.runtime.program)
    try:
        yield execution
    finally:
        execution.signal(signal.SIGKILL)
        await execution.wait()
        execution.close()


async def run(stage: Stage, container: Container, script: str, **changes: Any) -> str:
    """What a script in a container writes, which must succeed."""
    async with joined(stage, container, "sh", "-c", script, **changes) as execution:
        written = await read_all(execution.stdout)
        status = await execution.wait()
        assert status is not None
        assert (status.code, await read_all(execution.stderr)) == (0, b"")
        return written.decode()


NAMESPACES = "for n in mnt pid uts ipc net cgroup; do readlink /proc/$0/ns/$n; done"


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("network", ["none", "host"])
async def test_it_is_in_all_namespaces_and_groups(stage: Stage, init: bool, network: str) -> None:
    """As the container's own command is: nothing tells them apart."""
    script = f"{NAMESPACES.replace('$0', 'self')}; cat /proc/self/cgroup; hostname; sleep 1000"
    async with stage.started("sh", "-c", script, init=init, network=network) as container:
        script = f"{NAMESPACES.replace('$0', 'self')}; cat /proc/self/cgroup; hostname"
        lines = (await run(stage, container, script)).splitlines()
        assert lines == [await read_line(container.stdout) for _ in lines]
        assert len(lines) > 7


async def test_it_sees_the_containers_processes_and_they_see_it(stage: Stage) -> None:
    """By its pid in there; what started it is not to be seen."""
    async with stage.started("sleep", "1000") as container:
        seen = await run(stage, container, "ps -o pid,comm | sort -n")
        assert [line.split()[1] for line in seen.splitlines()][1:4] == ["init", "sleep", "sh"]
        async with joined(stage, container, "sleep", "77"):
            assert "sleep 77" in await run(stage, container, "ps")


@pytest.mark.parametrize("init", [True, False])
async def test_it_is_confined_as_the_container_is(stage: Stage, init: bool) -> None:
    """The same sets, filter, limits and umask, and no descriptor of ours."""
    changes: dict[str, Any] = {
        "capabilities": frozenset({0, 5}),
        "ulimits": (Ulimit(name="nofile", soft=99, hard=100),),
        "umask": 0o077,
        "init": init,
    }
    script = (
        "grep -E '^(Cap|NoNew|Seccomp:|Uid|Gid|Groups|Umask)' /proc/self/status;"
        " ulimit -n; ls /proc/self/fd | wc -l"
    )
    async with stage.started("sh", "-c", f"{script}; sleep 1000", **changes) as container:
        own = [await read_line(container.stdout) for _ in range(13)]
        assert (await run(stage, container, script)).splitlines() == own


async def test_without_a_filter_there_is_none(stage: Stage) -> None:
    """Nor no_new_privs, where the container asked for neither."""
    script = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status"
    async with stage.started("sleep", "1000", seccomp=False, no_new_privileges=False) as container:
        assert (await run(stage, container, script)).split()[1::2] == ["0", "0"]


async def test_memory_is_the_containers(stage: Stage) -> None:
    """What joins is killed where all of it together is too much."""
    limits = Limits(memory=16 << 20, memory_swap=16 << 20)
    async with stage.started("sleep", "1000", limits=limits) as container:
        async with joined(stage, container, "tail", "/dev/zero") as execution:
            status = await execution.wait()
        assert status is not None
        assert status.signal == signal.SIGKILL
        assert container.usage().oom_kills == 1


@pytest.mark.controller("memory")
async def test_a_container_with_groups_of_its_own_can_be_joined(stage: Stage) -> None:
    """Where it has divided its group, the command is in a part that may have processes."""
    if stage.runtime.cgroups.layout.kind != "v2":
        return  # there are no such containers
    script = """
        cd /sys/fs/cgroup && mkdir here && cat /proc/self/cgroup
        for pid in $(cat cgroup.procs); do echo $pid > here/cgroup.procs; done
        echo +memory > cgroup.subtree_control && echo divided; exec sleep 1000
    """
    async with stage.started(script, cgroup="private-rw") as container:
        assert [await read_line(container.stdout) for _ in range(2)] == ["0::/", "divided"]
        assert await run(stage, container, "cat /proc/self/cgroup") == "0::/here\n"


async def test_variables_directory_and_user_can_be_its_own(stage: Stage) -> None:
    """And are the container's where nothing else was asked for."""
    script = "echo $A $B $HOSTNAME $HOME; pwd; id -u"
    async with stage.started(
        "sleep", "1000", environment={"A": "a"}, working_dir="/tmp", hostname="box"
    ) as container:
        assert (await run(stage, container, script)).split("\n") == ["a box /root", "/tmp", "0", ""]
        changes = {"environment": {"B": "b"}, "working_dir": "/etc", "user": "user"}
        assert (await run(stage, container, script, **changes)).split("\n") == [
            "b box /home", "/etc", "1000", "",
        ]  # fmt: skip


async def test_a_user_is_looked_up_in_the_files_as_they_are_now(stage: Stage) -> None:
    """One that the container has made can be used."""
    async with stage.started(
        "sh", "-c", "echo new:x:77:78::/:/bin/sh >>/etc/passwd; echo done; sleep 1000"
    ) as container:
        await read_line(container.stdout)
        assert await run(stage, container, "id -u; id -g", user="new") == "77\n78\n"
        with pytest.raises(SpecError, match="no user 'absent'"):
            await run(stage, container, "id", user="absent")


async def test_on_a_terminal_it_has_job_control(stage: Stage) -> None:
    """One of its own, beside that of the container."""
    async with stage.started("sleep", "1000", terminal=Terminal()) as container, joined(
        stage, container, "sh", "-c", "tty; stty size; read x",
        terminal=Terminal(rows=11, columns=22),
    ) as execution:  # fmt: skip
        seen = b""
        while b"11 22" not in seen:
            await trio.lowlevel.wait_readable(execution.terminal)
            seen += os.read(execution.terminal, 4096)
        assert seen.split()[0] == b"/dev/pts/1"
        os.write(execution.terminal, b"\x03")
        status = await execution.wait()
        assert status is not None
        assert status.signal == signal.SIGINT


async def test_input_comes_through_a_pipe(stage: Stage) -> None:
    """And ends when we say so."""
    async with (
        stage.started("sleep", "1000") as container,
        joined(stage, container, "wc", "-c", stdin=True) as execution,
    ):
        os.write(execution.stdin, b"hello")
        execution.close_stdin()
        assert (await read_all(execution.stdout)).strip() == b"5"


@pytest.mark.parametrize(
    ("command", "changes", "code", "message"),
    [
        (("absent",), {}, 127, "command not found: absent"),
        (("/etc/passwd",), {}, 126, "cannot execute /etc/passwd: permission denied"),
        (("true",), {"working_dir": "/absent"}, 125, "enter working directory /absent: no such"),
    ],
)
async def test_what_cannot_be_started_leaves_nothing(
    stage: Stage, command: tuple[str, ...], changes: dict[str, Any], code: int, message: str
) -> None:
    """The error is that of a start; the container is as it was."""
    async with stage.started("sleep", "1000") as container:
        await run(stage, container, "true")
        before = traces()
        members = container.cgroup.members()
        with pytest.raises(StartError, match=message) as error:
            await container.execute(spec_for(container, *command, **changes), stage.runtime.program)
        assert error.value.code == code
        assert left_since(before) == []
        assert sorted(container.cgroup.members()) == sorted(members)


async def test_a_container_that_is_over_cannot_be_joined(stage: Stage) -> None:
    """Whether it has ended or has not begun."""
    async with stage.started("true") as container:
        await container.wait()
        with pytest.raises(StartError):
            await container.execute(spec_for(container, "true"), stage.runtime.program)
    async with stage.runtime.container(stage.spec("true")) as container:
        with pytest.raises(StartError, match="is not running"):
            await container.execute(ExecSpec(command=("true",)), stage.runtime.program)


async def test_it_ends_with_the_container(stage: Stage) -> None:
    """Also what was started in it later dies with its first process."""
    async with (
        stage.started("sh", "-c", "read x", stdin=True) as container,
        joined(stage, container, "sleep", "1000") as execution,
    ):
        container.close_stdin()
        with trio.fail_after(10):
            status = await execution.wait()
        assert status is not None
        assert status.signal == signal.SIGKILL
