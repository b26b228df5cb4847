"""Row 13: seccomp has no side door (live probes; the filter itself is evaluated elsewhere)."""

from __future__ import annotations

import platform

import pytest

from runtime.security.capabilities import DEFAULT_CAPABILITIES, parse_capability
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

X86_64 = platform.machine() == "x86_64"

# Names and numbers of asm/unistd.h: x86_64, and what all other architectures share.
CALLS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "swapon": (167, 224),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
NEW_CALLS = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "mount_setattr": 442,
}
SOCKET = 41 if X86_64 else 198
CLONE = 56 if X86_64 else 220
CLONE3, UNKNOWN = 435, (467 + 100, 100_000)
PERSONALITY = 135 if X86_64 else 92

ALL_RIGHTS = DEFAULT_CAPABILITIES | {
    parse_capability(name) for name in ("NET_ADMIN", "NET_RAW", "IPC_LOCK", "MKNOD", "AUDIT_WRITE")
}


async def call(stage: Stage, number: int, *arguments: int) -> str:
    """The kernel's answer to a system call of a container's root."""
    words = [str(number), *map(str, arguments)]
    return (await stage.run("probe", "call", *words, capabilities=ALL_RIGHTS)).text.strip()


@pytest.mark.parametrize("name", [*CALLS, *NEW_CALLS])
async def test_a_forbidden_call_fails_with_eperm(stage: Stage, name: str) -> None:
    """With arguments that mean nothing: the answer does not depend on them."""
    number = NEW_CALLS.get(name) or CALLS[name][0 if X86_64 else 1]
    for arguments in ((), (-1,) * 6):
        assert await call(stage, number, *arguments) == "EPERM"


@pytest.mark.parametrize("number", UNKNOWN)
async def test_an_unknown_call_does_not_exist(stage: Stage, number: int) -> None:
    """So that libraries fall back to what they did before it existed."""
    assert await call(stage, number) == "ENOSYS"


@pytest.mark.parametrize(
    "flag",
    [0x10000000, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000],
    ids=["user", "mnt", "cgroup", "uts", "ipc", "pid", "net"],
)
async def test_no_namespace_can_be_made(stage: Stage, flag: int) -> None:
    """Not by clone with any flag beside it, and not by clone3, whose flags cannot be looked at."""
    for flags in (flag, flag | 17, 0x7E020000, flag | 1 << 40):
        assert await call(stage, CLONE, flags) == "EPERM"
    assert await call(stage, CLONE3, 0, 0) == "ENOSYS"


@pytest.mark.parametrize("family", [38, 40], ids=["alg", "vsock"])
async def test_some_socket_families_are_refused(stage: Stage, family: int) -> None:
    """Also with high bits set, which the kernel does not look at."""
    for value in (family, family | 1 << 32, family | 1 << 63):
        assert await call(stage, SOCKET, value, 2, 0) == "EPERM"
    assert await call(stage, SOCKET, 1, 1, 0) == "ok"
    assert await call(stage, SOCKET, 2, 1, 0) == "ok"


@pytest.mark.parametrize("request_code", [0x5412, 0x541C], ids=["TIOCSTI", "TIOCLINUX"])
async def test_a_terminal_takes_no_input_from_its_programs(stage: Stage, request_code: int) -> None:
    """Whatever is in the bits that the kernel drops."""
    for value in (request_code, request_code | 1 << 32, request_code | 1 << 63):
        assert (await stage.run("probe", "ioctl", hex(value))).text == "EPERM\n"
    assert (await stage.run("probe", "ioctl", "0x5401")).text == "ok\n"
    unconfined = await stage.run("probe", "ioctl", hex(request_code), seccomp=False)
    assert unconfined.text != "EPERM\n"  # so it was the filter


async def test_another_personality_is_refused(stage: Stage) -> None:
    """Only the plain one, the 32-bit one and the question are allowed."""
    assert await call(stage, PERSONALITY, 0xFFFFFFFF) == "ok"
    assert await call(stage, PERSONALITY, 0x0008) == "ok"
    assert await call(stage, PERSONALITY, 0x0040000) != "ok"


@pytest.mark.skipif(not X86_64, reason="needs a machine with two more doors")
@pytest.mark.parametrize("door", ["i386", "x32"])
async def test_other_doors_are_shut(stage: Stage, door: str) -> None:
    """A call by another architecture's table kills who makes it, before it is made."""
    ended = await stage.run("probe", door)
    assert (ended.exit.signal, ended.stdout) == (31, b"")


async def test_a_filter_cannot_be_undone(stage: Stage) -> None:
    """It holds for all that the command starts, by whatever way."""
    number = CALLS["unshare"][0 if X86_64 else 1]
    script = f"(setsid sh -c 'probe call {number} 0x10000000'); probe call {number} 0x10000000 &"
    ended = await stage.run(f"{script} wait")
    assert ended.lines == ["EPERM", "EPERM"]
