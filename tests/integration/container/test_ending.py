"""How a container ends: codes, signals, what is left running, and who tells."""

from __future__ import annotations

import signal
import time

import pytest
import trio

from runtime.container import Container
from runtime.container.witness import Ended
from tests.integration.container.stage import Stage, end_of, read_line, until

pytestmark = pytest.mark.root


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("code", [0, 1, 125, 127, 137, 255])
async def test_an_exit_code_is_told_as_it_is(stage: Stage, code: int, init: bool) -> None:
    """Also one above 128, which a shell would take for a signal."""
    ended = await stage.run(f"exit {code}", init=init)
    assert (ended.exit.code, ended.exit.signal) == (code, None)
    assert ended.exit.source == ("record" if init else "status")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, 64])
async def test_a_signal_is_told_as_a_signal(stage: Stage, number: int) -> None:
    """It is never told as a code."""
    ended = await stage.run(f"kill -{int(number)} $$")
    assert (ended.exit.code, ended.exit.signal) == (None, number)
    assert ended.exit.source == "record"


async def test_a_killed_container_has_the_status_of_pid_1(stage: Stage) -> None:
    """With everything killed at once nobody is left to write a record."""
    async with stage.started("sleep", "1000") as container:
        container.kill()
        ended = await end_of(container)
    assert (ended.exit.code, ended.exit.signal) == (None, signal.SIGKILL)
    assert (ended.exit.source, ended.exit.elapsed) == ("status", None)


async def test_an_ended_command_leaves_its_words_and_its_record(stage: Stage) -> None:
    """Only the command is killed: PID 1 takes the others with it, and stays until all is read."""
    script = "(trap '' TERM; sleep 1000) & echo kept; echo go >&2; exec sleep 1000"
    async with stage.started(script) as container:
        assert await read_line(container.stderr) == "go"
        container.end()
        await until(lambda: isinstance(container.testimony, Ended))
        assert members(container) == ["init"]
        ended = await end_of(container)
        container.end()
    assert (ended.exit.signal, ended.exit.source) == (signal.SIGKILL, "record")
    assert ended.stdout == b"kept\n"


async def test_a_command_that_is_pid_1_ends_by_a_signal(stage: Stage) -> None:
    """Without init the kernel's own status of it is told."""
    async with stage.started("sleep", "1000", init=False) as container:
        container.signal(signal.SIGKILL)
        ended = await end_of(container)
    assert (ended.exit.code, ended.exit.signal) == (None, signal.SIGKILL)


async def test_the_record_has_the_times(stage: Stage) -> None:
    """Start and end lie around the command, and the time between does not depend on the clock."""
    before = time.time()
    ended = (await stage.run("usleep 20000")).exit
    after = time.time()
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.elapsed is not None
    assert before <= ended.started <= ended.ended <= after
    assert 0.02 <= ended.elapsed <= after - before


async def test_waiting_again_gives_the_same_answer(stage: Stage) -> None:
    """Also to several tasks that wait at the same time."""
    async with stage.started("read line <&0; exit 7") as container:
        answers = []

        async def wait() -> None:
            answers.append(await container.wait())

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(wait)
        last = await container.wait()
        assert [answer is last for answer in answers] == [True] * 3
        assert answers[0].code == 7


FORWARDED = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGWINCH, 40]


@pytest.mark.parametrize("init", [True, False])
async def test_signals_reach_the_command(stage: Stage, init: bool) -> None:
    """By way of init, or without one directly, each is the command's own to handle."""
    traps = "; ".join(f"trap 'echo got {int(number)}' {int(number)}" for number in FORWARDED)
    script = f"{traps}; trap 'exit 9' QUIT; echo ready; while :; do sleep 1000 & wait $!; done"
    async with stage.started(script, init=init) as container:
        assert await read_line(container.stdout) == "ready"
        for number in FORWARDED:
            container.signal(number)
            assert await read_line(container.stdout) == f"got {int(number)}"
        container.signal(signal.SIGQUIT)
        assert (await end_of(container)).exit.code == 9


async def test_a_command_may_die_of_the_signal(stage: Stage) -> None:
    """What it does not handle ends it, though it would not end PID 1 itself."""
    async with stage.started("echo ready; exec sleep 1000") as container:
        assert await read_line(container.stdout) == "ready"
        container.signal(signal.SIGTERM)
        assert (await end_of(container)).exit.signal == signal.SIGTERM


async def test_signalling_what_has_ended_does_nothing(stage: Stage) -> None:
    """Whoever signals need not know how far a container has come."""
    async with stage.runtime.container(stage.spec("true")) as container:
        container.signal(signal.SIGTERM)
        container.kill()
    async with stage.started("true") as container:
        await end_of(container)
        container.signal(signal.SIGTERM)
        container.kill()


async def test_orphans_are_reaped(stage: Stage) -> None:
    """A process whose parent has ended becomes a child of PID 1, which leaves no zombie."""
    script = """
        (sh -c 'echo $$ >/pid; exec true' &)
        while [ ! -s /pid ]; do usleep 1000; done
        while [ -e /proc/$(cat /pid) ]; do usleep 1000; done
    """
    with trio.fail_after(10):
        assert (await stage.run(script)).text == ""


async def test_what_is_left_running_ends_with_the_command(stage: Stage) -> None:
    """A grandchild that holds the pipes open, and ignores signals, holds up nobody."""
    script = "sh -c 'trap \"\" TERM HUP INT; echo left; exec sleep 1000' & read x; exit 4"
    with trio.fail_after(10):
        ended = await stage.run(script)
    assert ended.exit.code == 4
    async with stage.started("setsid sh -c 'echo left; exec sleep 1000' & echo done") as container:
        with trio.fail_after(10):
            ended = await end_of(container)
        assert set(ended.stdout.split()) <= {b"left", b"done"}
        assert container.cgroup.members() == []


async def test_the_last_words_of_a_grandchild_are_kept(stage: Stage) -> None:
    """What was written before the end can be read after it."""
    script = "(dd if=/dev/zero bs=4096 count=4; echo last) 2>/dev/null & wait"
    ended = await stage.run(script)
    assert ended.stdout == bytes(16384) + b"last\n"


async def test_nobody_ends_before_its_output_is_read(stage: Stage) -> None:
    """PID 1 keeps what is in the pipes for a reader who comes later."""
    async with stage.started("echo kept; echo also >&2") as container:
        await until(lambda: isinstance(container.testimony, Ended))
        with trio.move_on_after(0.1) as early:
            await container.wait()
        assert early.cancelled_caught
        ended = await end_of(container)
    assert (ended.stdout, ended.stderr, ended.exit.code) == (b"kept\n", b"also\n", 0)


async def test_the_processor_time_is_counted(stage: Stage) -> None:
    """From the group's own counters, after the last process has gone."""
    ended = await stage.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    assert 0.005 < ended.exit.usage.cpu_seconds < 5
    assert ended.exit.usage.oom_kills == 0


def members(container: Container) -> list[str]:
    """The names of the programs in the container's group."""
    names = []
    for pid in container.cgroup.members():
        with open(f"/proc/{pid}/comm") as file:
            names.append(file.read().strip())
    return sorted(names)


@pytest.mark.parametrize(("init", "names"), [(True, ["init", "sleep"]), (False, ["sleep"])])
async def test_the_host_sees_init_and_the_command(
    stage: Stage, init: bool, names: list[str]
) -> None:
    """Two processes, without init one; and PID 1 is what the container holds."""
    async with stage.started("sleep", "1000", init=init) as container:
        # The name changes at the end of the exec that is told of at its beginning.
        await until(lambda: members(container) == names)
        assert container.process is not None
        assert container.process.pid in container.cgroup.members()
