"""The compiled filter, evaluated: every number on every architecture, and arguments that matter.

The numbers are written down here once more, from the kernel's table, so that neither the names
in the profile nor the library that resolves them is taken on trust.
"""

from __future__ import annotations

import pytest

from runtime.security.capabilities import (
    ALL_CAPABILITIES,
    CAP_DAC_READ_SEARCH,
    CAP_SYS_ADMIN,
    CAP_SYS_CHROOT,
    CAP_SYS_NICE,
    CAP_SYS_PTRACE,
    CAP_SYSLOG,
    DEFAULT_CAPABILITIES,
)
from runtime.security.seccomp import compile_filter
from tests.runtime.security.evaluator import (
    AARCH64,
    ALLOW,
    ENOSYS,
    EPERM,
    I386,
    KILL_PROCESS,
    ON_X86_64,
    X32_BIT,
    Call,
    Program,
)

pytestmark = ON_X86_64

NUMBERS = range(1025)
CLONE, SOCKET, IOCTL, PERSONALITY, CLONE3 = 56, 41, 16, 135, 435
BY_ARGUMENT = {CLONE, SOCKET, IOCTL, PERSONALITY}
DENIED_TO_ALL = {
    134: "uselib",
    136: "ustat",
    139: "sysfs",
    155: "pivot_root",
    167: "swapon",
    168: "swapoff",
    246: "kexec_load",
    248: "add_key",
    249: "request_key",
    250: "keyctl",
    256: "migrate_pages",
    279: "move_pages",
    320: "kexec_file_load",
    323: "userfaultfd",
    425: "io_uring_setup",
    426: "io_uring_enter",
    427: "io_uring_register",
}
DENIED_BY_DEFAULT = {
    103: "syslog",
    153: "vhangup",
    163: "acct",
    164: "settimeofday",
    165: "mount",
    166: "umount2",
    169: "reboot",
    170: "sethostname",
    171: "setdomainname",
    172: "iopl",
    173: "ioperm",
    175: "init_module",
    176: "delete_module",
    179: "quotactl",
    212: "lookup_dcookie",
    227: "clock_settime",
    237: "mbind",
    238: "set_mempolicy",
    239: "get_mempolicy",
    272: "unshare",
    298: "perf_event_open",
    300: "fanotify_init",
    304: "open_by_handle_at",
    308: "setns",
    312: "kcmp",
    313: "finit_module",
    321: "bpf",
    428: "open_tree",
    429: "move_mount",
    430: "fsopen",
    431: "fsconfig",
    432: "fsmount",
    433: "fspick",
    438: "pidfd_getfd",
    440: "process_madvise",
    442: "mount_setattr",
    443: "quotactl_fd",
    450: "set_mempolicy_home_node",
    459: "lsm_get_self_attr",
    460: "lsm_set_self_attr",
    461: "lsm_list_modules",
    467: "open_tree_attr",
}
UNKNOWN = {
    156: "_sysctl",
    174: "create_module",
    177: "get_kernel_syms",
    178: "query_module",
    180: "nfsservctl",
    181: "getpmsg",
    182: "putpmsg",
    183: "afs_syscall",
    184: "tuxcall",
    185: "security",
    236: "vserver",
    335: "uretprobe",
    **dict.fromkeys(range(336, 424), "never given to a call"),
    435: "clone3",
    468: "file_getattr",
    469: "file_setattr",
    **dict.fromkeys(range(470, 1025), "of a newer kernel"),
}
"""Nobody implements them, no filter can judge them, or they came after the profile."""


def program(capabilities: frozenset[int] = DEFAULT_CAPABILITIES) -> Program:
    """The filter of a container with these capabilities."""
    return Program.parse(compile_filter(capabilities))


def test_default_container_gets_an_answer_for_every_number() -> None:
    """Denied numbers give EPERM, unknown ones ENOSYS, and exactly all others are allowed."""
    default = program()
    for number in set(NUMBERS) - BY_ARGUMENT:
        expected = ALLOW
        if number in DENIED_TO_ALL or number in DENIED_BY_DEFAULT:
            expected = EPERM
        elif number in UNKNOWN:
            expected = ENOSYS
        assert default.answer(Call(number)) == expected, number


def test_all_capabilities_still_leave_some_calls_denied() -> None:
    """Every capability together opens what is denied by default, clone3, and nothing else."""
    everything = program(ALL_CAPABILITIES)
    for number in set(NUMBERS) - BY_ARGUMENT - {CLONE3}:
        expected = ALLOW
        if number in DENIED_TO_ALL:
            expected = EPERM
        elif number in UNKNOWN:
            expected = ENOSYS
        assert everything.answer(Call(number)) == expected, number
    assert everything.answer(Call(CLONE3)) == ALLOW


@pytest.mark.parametrize(
    ("capability", "numbers"),
    [
        (CAP_DAC_READ_SEARCH, {304}),
        (CAP_SYS_CHROOT, {161}),
        (CAP_SYS_NICE, {237, 238, 239, 450}),
        (CAP_SYS_PTRACE, {312, 438, 440}),
        (CAP_SYSLOG, {103}),
    ],
)
def test_capability_opens_its_own_calls_only(capability: int, numbers: set[int]) -> None:
    """One capability differs from none by the calls that need it."""
    without, with_one = program(frozenset()), program(frozenset({capability}))
    differing = {
        number
        for number in NUMBERS
        if without.answer(Call(number)) != with_one.answer(Call(number))
    }
    assert differing == numbers
    assert all(without.answer(Call(number)) == EPERM for number in numbers)
    assert all(with_one.answer(Call(number)) == ALLOW for number in numbers)


@pytest.mark.parametrize("capabilities", [frozenset(), DEFAULT_CAPABILITIES, ALL_CAPABILITIES])
@pytest.mark.parametrize("architecture", [I386, AARCH64, 0, X32_BIT])
def test_other_architectures_are_killed(capabilities: frozenset[int], architecture: int) -> None:
    """No number gets through by the tables of another architecture."""
    judge = program(capabilities)
    answers = {
        judge.answer(Call(number | bit, architecture=architecture))
        for number in NUMBERS
        for bit in (0, X32_BIT)
    }
    assert answers == {KILL_PROCESS}


@pytest.mark.parametrize("capabilities", [frozenset(), DEFAULT_CAPABILITIES, ALL_CAPABILITIES])
def test_x32_is_killed(capabilities: frozenset[int]) -> None:
    """The native architecture's x32 numbers are killed, and so is the rest up to 2^32 - 2."""
    judge = program(capabilities)
    numbers = [number | X32_BIT for number in NUMBERS]
    numbers += [0x7FFF_FFFF, 0x8000_0000, 0xC000_0000, 0xFFFF_FFFE]
    assert {judge.answer(Call(number)) for number in numbers} == {KILL_PROCESS}


@pytest.mark.parametrize("high", [0, 1 << 32, 0xFFFF_FFFF << 32])
@pytest.mark.parametrize("flag", [0x20000, *(1 << bit for bit in range(25, 31))])
def test_new_namespaces_are_denied(flag: int, high: int) -> None:
    """A clone that asks for any new namespace gives EPERM, unless an administrator makes it."""
    call = Call(CLONE, (high | flag | 0x11,))
    assert program().answer(call) == EPERM
    assert program(frozenset({CAP_SYS_ADMIN})).answer(call) == ALLOW


@pytest.mark.parametrize("flags", [0x11, 0x3D0F00, 0x4111, 0x1200011, 0xFFFF_FFFF & ~0x7E02_0000])
def test_processes_and_threads_are_allowed(flags: int) -> None:
    """What fork, vfork, pthread_create and posix_spawn pass to clone is allowed."""
    assert program().answer(Call(CLONE, (flags,))) == ALLOW


@pytest.mark.parametrize("capabilities", [DEFAULT_CAPABILITIES, ALL_CAPABILITIES])
@pytest.mark.parametrize("high", [0, 1 << 32, 0xFFFF_FFFF << 32])
def test_kernel_crypto_and_vsock_are_denied(high: int, capabilities: frozenset[int]) -> None:
    """AF_ALG and AF_VSOCK give EPERM whatever is in the half that the kernel drops."""
    judge = program(capabilities)
    answers = {family: judge.answer(Call(SOCKET, (high | family, 1))) for family in range(64)}
    assert {family for family, answer in answers.items() if answer == EPERM} == {38, 40}
    assert {answer for family, answer in answers.items() if family not in (38, 40)} == {ALLOW}


@pytest.mark.parametrize("family", [64, 0x8000_0026, 0xFFFF_FFFF])
def test_impossible_socket_family_is_unknown(family: int) -> None:
    """Families that no kernel has give ENOSYS."""
    assert program().answer(Call(SOCKET, (family,))) == ENOSYS


@pytest.mark.parametrize("capabilities", [DEFAULT_CAPABILITIES, ALL_CAPABILITIES])
@pytest.mark.parametrize("high", [0, 1 << 32, 0xFFFF_FFFF << 32, 0x8000_0000 << 32])
@pytest.mark.parametrize("request_", [0x5412, 0x541C])
def test_typing_into_the_terminal_is_denied(
    request_: int, high: int, capabilities: frozenset[int]
) -> None:
    """TIOCSTI and TIOCLINUX give EPERM whatever is in the half that the kernel drops."""
    call = Call(IOCTL, (0, high | request_))
    assert program(capabilities).answer(call) == EPERM


def test_other_ioctls_are_allowed() -> None:
    """Every neighbour, every single bit and every terminal request but those two is allowed."""
    denied = (0x5412, 0x541C)
    requests = {*range(0x5400, 0x5480), *(1 << bit for bit in range(32)), 0, 0xFFFF_FFFF}
    requests |= {value ^ (1 << bit) for value in denied for bit in range(32)}
    judge = program()
    for request in requests.difference(denied):
        for high in (0, 0xFFFF_FFFF << 32):
            assert judge.answer(Call(IOCTL, (3, high | request))) == ALLOW, hex(request)


@pytest.mark.parametrize("high", [0, 1 << 32])
def test_personality_is_limited(high: int) -> None:
    """Asking, Linux, 32-bit Linux and their 2.6 names are allowed; every other persona is not."""
    judge = program()
    allowed = {0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF}
    refused = {1 << bit for bit in range(32)} - allowed | {0x40008, 0xFFFF_FFFE, 0x7FFF_FFFF}
    for persona in allowed:
        assert judge.answer(Call(PERSONALITY, (high | persona,))) == ALLOW, hex(persona)
    for persona in refused:
        assert judge.answer(Call(PERSONALITY, (high | persona,))) == ENOSYS, hex(persona)
