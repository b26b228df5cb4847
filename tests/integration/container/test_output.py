"""What a command writes: two pipes or one, whole and in order, with an end."""

from __future__ import annotations

import os
import signal
import stat

import pytest
import trio

from tests.integration.container.stage import Stage, end_of, read_all, read_line

pytestmark = pytest.mark.root


async def test_the_streams_are_kept_apart(stage: Stage) -> None:
    """Each has a pipe of its own, and standard input is empty."""
    ended = await stage.run("cat; echo out; echo err >&2; echo more")
    assert (ended.stdout, ended.stderr) == (b"out\nmore\n", b"err\n")


async def test_the_streams_are_merged_in_order(stage: Stage) -> None:
    """With one pipe for both, what was written first comes first."""
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done"
    async with stage.started(script, merge_output=True) as container:
        assert [stream for stream, _ in container.outputs()] == ["stdout"]
        ended = await end_of(container)
    assert ended.stdout == b"out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"
    assert ended.stderr == b""


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("user", ["0", "user", "4294967294"])
async def test_the_streams_can_be_opened_again(stage: Stage, user: str, init: bool) -> None:
    """Programs that log to /dev/stdout as a file may, also when they are not root."""
    script = "echo one >/dev/stdout; echo two >>/dev/stderr; echo three >/proc/self/fd/1"
    ended = await stage.run(script, user=user, init=init)
    assert (ended.stdout, ended.stderr) == (b"one\nthree\n", b"two\n")


async def test_nobody_else_may_open_the_pipes(stage: Stage) -> None:
    """They belong to the command's user, in a directory that is root's alone."""
    async with stage.started("sleep", "1000", user="1000:50") as container:
        for path in (container.directory.stdout, container.directory.stderr):
            status = os.stat(path)
            assert stat.S_ISFIFO(status.st_mode)
            assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, 1000, 50)
        assert stat.S_IMODE(os.stat(container.directory.runtime).st_mode) == 0o700


async def test_much_output_comes_whole(stage: Stage) -> None:
    """More than a pipe holds, from both streams at once."""
    script = "(yes out | head -c 3000000) & (yes err | head -c 2000000) >&2 & wait"
    ended = await stage.run(script)
    assert ended.stdout == (b"out\n" * 750_000)[:3_000_000]
    assert ended.stderr == (b"err\n" * 500_000)[:2_000_000]


async def test_a_full_pipe_makes_the_command_wait(stage: Stage) -> None:
    """Nothing is lost for want of a reader: the command goes on when there is one."""
    async with stage.started("yes | head -c 300000; echo done >&2") as container:
        with trio.move_on_after(0.1):
            await read_line(container.stderr)
            pytest.fail("the command did not wait")
        assert len(await read_all(container.stdout)) == 300_000
        assert await read_all(container.stderr) == b"done\n"


async def test_a_closed_stream_is_at_its_end_early(stage: Stage) -> None:
    """End-of-file means that the last writer has gone: PID 1 holds no write end."""
    async with stage.started("exec >&-; sleep 1000") as container:
        with trio.fail_after(10):
            assert await read_all(container.stdout) == b""
        assert len(container.cgroup.members()) == 2
    async with stage.started("sleep 1000 >/dev/null 2>&1 & exit 5", init=True) as container:
        with trio.fail_after(10):
            ended = await end_of(container)
        assert ended.exit.code == 5


async def test_bytes_of_any_kind_come_through(stage: Stage) -> None:
    """Nothing between the command and its reader looks at them."""
    script = r"printf '\0\377\n\r\033[31m'; printf 'no newline' >&2"
    ended = await stage.run(script)
    assert (ended.stdout, ended.stderr) == (b"\0\xff\n\r\x1b[31m", b"no newline")


async def test_writing_without_a_reader_is_no_error_of_the_command(stage: Stage) -> None:
    """PID 1 holds a read end, so a dead supervisor means no SIGPIPE; but the default is to die."""
    script = """
        trap 'echo late; echo status $? >&2; exit 0' USR1
        echo ready >&2; while :; do sleep 1000 & wait $!; done
    """
    async with stage.started(script) as container:
        assert await read_line(container.stderr) == "ready"
        os.close(container.stdout)
        container.signal(signal.SIGUSR1)
        assert await read_line(container.stderr) == "status 0"
        container.stdout = os.open(container.directory.stdout, os.O_RDONLY | os.O_NONBLOCK)
        assert await read_line(container.stdout) == "late"
        assert (await container.wait()).code == 0
    ended = await stage.run("yes | true; kill -l $((128 + 13))")
    assert ended.stdout == b"PIPE\n"
