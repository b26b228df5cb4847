"""From a plan to a process: what `init` makes of plans, right ones and wrong."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from runtime.errors import StartError
from runtime.kernel import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    REPORT_EXECUTING,
    REPORT_FAILED,
    read_exit_record,
    spawn,
)
from runtime.launch import Handed, InitProgram, Placement, confirm_start
from runtime.plan import Step, encode
from runtime.process import ExitStatus
from tests.runtime.bare_init import HERE, command, launched, refusal, run

TOP = Path(__file__).parent.parent.parent
KILL_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0x8000_0000)
"""A filter that kills the process at its next system call."""


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fail a test that leaves a child, alive or not, or a descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    assert len(os.listdir("/proc/self/fd")) == before


def deny(number: int) -> bytes:
    """A filter that answers EPERM to one system call."""
    return b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x0005_0000 | errno.EPERM),
            (0x06, 0, 0, 0x7FFF_0000),
        )
    )


@pytest.fixture(scope="module")
def program() -> Iterator[InitProgram]:
    """Load `init` once."""
    loaded = InitProgram.load()
    yield loaded
    loaded.close()


async def refused_plan(program: InitProgram, plan: bytes) -> str:
    """The text of the error that the bytes of a plan give."""
    async with launched(program, plan) as (_, report, _, _):
        with pytest.raises(StartError) as error:
            await confirm_start(report, (), Handed())
        return str(error.value)


def test_init_is_sealed(program: InitProgram) -> None:
    """Nobody can change, shrink, grow or unseal the bytes, not even who opens them anew."""
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    assert fcntl.fcntl(program.fd, fcntl.F_GET_SEALS) & seals == seals
    for attempt in (
        lambda: os.pwrite(program.fd, b"x", 0),
        lambda: os.ftruncate(program.fd, 0),
        lambda: os.ftruncate(program.fd, program.size + 1),
    ):
        with pytest.raises(PermissionError):
            attempt()
    assert hashlib.sha256(os.pread(program.fd, 1 << 20, 0)).digest() == program.digest


async def test_other_bytes_are_not_executed(program: InitProgram) -> None:
    """They are hashed before each launch, and also one byte more would be another program."""
    other = evolve(program, digest=hashlib.sha256(b"other").digest())
    text, code = await refusal(other, command("true"))
    assert text == "the init program in memory has changed; refusing to execute it"
    assert code == 125
    with pytest.raises(StartError):
        evolve(program, size=program.size - 2).verify()


@pytest.mark.parametrize("code", [0, 1, 125, 255])
async def test_the_command_takes_the_place_of_init(program: InitProgram, code: int) -> None:
    """Without an init step its status is that of the process, and there is no exit record."""
    found = await run(program, [command("sh", "-c", f"echo out; echo err >&2; exit {code}")])
    assert (found.status, found.output) == (ExitStatus(code, None), b"out\nerr\n")
    assert read_exit_record(found.record) is None


async def test_a_signal_is_told_as_a_signal(program: InitProgram) -> None:
    """Not as 128 and more."""
    found = await run(program, [command("sh", "-c", "kill -TERM $$")])
    assert found.status == ExitStatus(None, signal.SIGTERM)


@pytest.mark.root
async def test_init_stays_and_writes_a_record(program: InitProgram) -> None:
    """It tells how its command ended, and ends itself with the status that a shell would give."""
    placement = evolve(HERE, namespaces=CLONE_NEWPID)
    for script, code, number, status in (("exit 3", 3, 0, 3), ("kill -KILL $$", -1, 9, 137)):
        steps = [Step("init"), command("sh", "-c", script)]
        found = await run(program, steps, placement)
        record = read_exit_record(found.record)
        assert record is not None
        assert record[:3] == (code, number, False)
        assert found.status == ExitStatus(status, None)


UNRULED = """
import trio
from runtime.launch import InitProgram
from runtime.plan import Step
from tests.runtime.bare_init import command, refusal

print(trio.run(refusal, InitProgram.load(), Step("init", (), "init"), command("true"))[0])
"""


@pytest.mark.root
def test_init_never_rules_over_the_host() -> None:
    """It ends all others when its command has ended, so it wants a pid namespace of its own.

    The host is played by a namespace around it: an `init` that does not care would end them all.
    """
    done = subprocess.run(
        ["unshare", "--pid", "--fork", sys.executable, "-c", UNRULED],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "start the command's process; stay as PID 1: stay as PID 1 of the host's processes: "
        "invalid argument (step 0, init)\n"
    )


async def test_nothing_is_inherited(program: InitProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither variables nor descriptors, ignored signals, blocked signals or the umask."""
    monkeypatch.setenv("CANARY", "1")
    canary = os.open("/", os.O_RDONLY)
    os.set_inheritable(canary, True)
    script = "env; ls /proc/self/fd; grep -E 'SigBlk|SigIgn' /proc/self/status; umask"
    environment = ("A=B", "PATH=/usr/bin:/bin")
    steps = [Step("umask", (0o27,)), command("sh", "-c", script, environment=environment)]
    try:
        found = await run(program, steps)
    finally:
        os.close(canary)
    lines = found.output.decode().split("\n")
    assert {"A=B", "PATH=/usr/bin:/bin"} <= set(lines)
    assert not [line for line in lines if line.startswith("CANARY")]
    # The fourth is the directory that ls has open to list them.
    assert [line for line in lines if line.isdigit() and len(line) < 4] == ["0", "1", "2", "3"]
    assert [line for line in lines if line.startswith("Sig")] == [
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
    ]
    assert lines[-2] == "0027"


async def test_a_failed_step_is_named(program: InitProgram) -> None:
    """With what it was to do, why it could not, its number, and what asked for it."""
    umask = Step("umask", (0o22,))
    chdir = Step("chdir", ("/none/such",), "working_dir")
    assert await refusal(program, umask, chdir, command("true")) == (
        "enter working directory /none/such: no such file or directory (step 1, working_dir)",
        125,
    )
    program_of_3 = Step("seccomp", (b"123",))
    text, _ = await refusal(program, program_of_3, command("true"))
    assert text == (
        "install the seccomp program (3 bytes): seccomp program of 3 bytes: "
        "invalid argument (step 0)"
    )


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "no command"),
        ([Step("umask", (0,))], "no command"),
        ([Step("exec", ((), ()))], "no command"),
        ([command("true"), Step("session")], "a step behind exec"),
        ([command("true"), command("true")], "a step behind exec"),
        ([Step("init"), Step("init"), command("true")], "a second init or process step"),
        ([Step("process"), Step("init"), command("true")], "a second init or process step"),
        ([Step("chdir", ("a\0b",)), command("true")], "malformed argument"),
        ([Step("exec", (("a\0b",), ()))], "malformed argument"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(
    program: InitProgram, steps: list[Step], problem: str
) -> None:
    """It is read whole before its first step is taken."""
    assert await refused_plan(program, encode(steps)) == f"plan: {problem}: bad message"


async def test_a_plan_that_is_none_is_refused(program: InitProgram) -> None:
    """As are bytes that are no plan, and more of them than any plan has."""
    whole = encode([command("true")])
    assert await refused_plan(program, b"") == "plan: shorter than its header: bad message"
    assert await refused_plan(program, whole[:-1]) == "plan: wrong size: bad message"
    assert await refused_plan(program, b"x" + whole[1:]) == "plan: wrong magic number: bad message"
    too_large = await refused_plan(program, bytes((64 << 20) + 1))
    assert too_large == "plan: 67108865 bytes: file too large"


async def test_a_process_that_dies_on_the_way_is_told(program: InitProgram) -> None:
    """Without a record, end-of-file means that nobody was left to send one."""
    text, code = await refusal(
        program, Step("no_new_privileges"), Step("seccomp", (KILL_ALL,)), command("true")
    )
    assert text == "the container's first process was killed while it set up the container"
    assert code == 125


async def test_descriptors_are_closed_or_nothing_is_executed(program: InitProgram) -> None:
    """A filter that forbids it would leave the plan and the exit file open in the command."""
    close_range = Step("seccomp", (deny(436),))
    text, _ = await refusal(program, Step("no_new_privileges"), close_range, command("true"))
    assert text == (
        "execute true: close the descriptors of init: operation not permitted (step 2, command)"
    )


@pytest.mark.root
async def test_a_working_directory_outside_of_the_root_is_refused(program: InitProgram) -> None:
    """The kernel's own answer is looked at last: here a directory that came as standard input."""
    steps = [
        Step("private_mounts"),
        Step("root_mount", ("tmpfs", "mode=755", "/mnt")),
        Step("mount", ("proc", (), 0, 0, "/proc")),
        Step("pivot"),
        Step("chdir", ("/proc/self/fd/0",), "working_dir"),
        command("true"),
    ]
    placement = evolve(HERE, namespaces=CLONE_NEWNS | CLONE_NEWPID)
    async with launched(program, encode(steps), placement, stdin="/usr") as (_, report, _, _):
        with pytest.raises(StartError) as error:
            await confirm_start(report, steps, Handed())
    assert str(error.value) == (
        "enter working directory /proc/self/fd/0: working directory /proc/self/fd/0 is outside "
        "of the root: invalid cross-device link (step 4, working_dir)"
    )


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        (evolve(HERE, attach=(10_000,)), "join cgroup 0: bad file descriptor"),
        (evolve(HERE, cgroup=10_000), "clone3 0: bad file descriptor"),
        (evolve(HERE, namespaces=1), "clone3 0: invalid argument"),
    ],
)
async def test_a_process_that_cannot_be_started(
    program: InitProgram, placement: Placement, message: str, nothing_left: None
) -> None:
    """The message names the stage between clone3 and exec, and no process is left."""
    text, code = await refusal(program, command("true"), placement=placement)
    assert text == f"start the container's first process: {message}"
    assert code == 125


def test_spawn_names_the_descriptor_that_is_wrong(program: InitProgram, nothing_left: None) -> None:
    """Of those to be put in place, of the program, and of their number."""
    with pytest.raises(OSError, match="place descriptors 2: Bad file descriptor"):
        spawn(program.fd, (0, 1, 10_000), (), -1, 0)
    with pytest.raises(OSError, match="place descriptors 0: Bad file descriptor"):
        spawn(10_000, (0, 1, 2), (), -1, 0)
    with open("/dev/null") as null, pytest.raises(OSError, match="execute init 0: "):
        spawn(null.fileno(), (0, 1, 2), (), -1, 0)
    with pytest.raises(ValueError, match="more than 64 descriptors"):
        spawn(program.fd, (0,) * 65, (), -1, 0)


REPORT = struct.Struct("=IIii240s")


async def confirm(*records: bytes) -> None:
    """Let records arrive one by one, and end-of-file behind them."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with its:
            for record in records:
                its.send(record)
        await confirm_start(ours.fileno(), [command("true")], Handed())


async def test_only_executing_and_then_nothing_is_a_start() -> None:
    """A failure behind it counts, and so does silence."""
    executing = REPORT.pack(0x504B5252, REPORT_EXECUTING, 0, 0, b"")
    failed = REPORT.pack(0x504B5252, REPORT_FAILED, 0, errno.EACCES, b"execute true")
    await confirm(executing)
    with pytest.raises(StartError, match="cannot execute true: permission denied"):
        await confirm(executing, failed)
    with pytest.raises(StartError, match="was killed while it set up"):
        await confirm()
