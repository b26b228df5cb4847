"""A caller's profile compiled, and evaluated: what the kernel would answer to a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import StartError
from runtime.security.capabilities import CAP_SYS_ADMIN, DEFAULT_CAPABILITIES
from runtime.security.profile import ALLOWED
from runtime.security.seccomp import cached_filter, compile_filter
from tests.runtime.security.dockerlike import args, docker_like, rule
from tests.runtime.security.evaluator import (
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

ERRNO = "SCMP_ACT_ERRNO"
MKDIR, CLONE, SOCKET, MOUNT, PERSONALITY, CLONE3, MSEAL = 83, 56, 41, 165, 135, 435, 462
ADMINISTRATOR = DEFAULT_CAPABILITIES | {CAP_SYS_ADMIN}
EXPECTED = {
    "ALLOW": ALLOW, "ERRNO": EPERM, "KILL": 0, "KILL_PROCESS": KILL_PROCESS, "KILL_THREAD": 0,
    "LOG": 0x7FFC_0000, "TRACE": 0x7FF0_0001, "TRAP": 0x0003_0000,
}  # fmt: skip


def program(*calls: dict[str, Any], default: str = "SCMP_ACT_ALLOW", **others: Any) -> Program:
    """The filter of a profile with these entries of ``syscalls``."""
    text = json.dumps({"defaultAction": default, "syscalls": calls, **others})
    return Program.parse(compile_filter(DEFAULT_CAPABILITIES, text))


@pytest.mark.parametrize(("word", "answer"), EXPECTED.items())
def test_each_action_is_the_kernels(word: str, answer: int) -> None:
    """For a call that has a rule, and for all that have none."""
    action = f"SCMP_ACT_{word}"
    default = "SCMP_ACT_LOG" if word == "ALLOW" else "SCMP_ACT_ALLOW"
    assert program(rule("mkdir", action=action), default=default).answer(Call(MKDIR)) == answer
    assert program(default=action).answer(Call(MKDIR)) == answer


@pytest.mark.parametrize(
    ("word", "second", "true", "false"),
    [
        ("NE", 0, (0, 6, 1 << 40), (5,)),
        ("LT", 0, (0, 4), (5, 6, 5 | 1 << 32)),
        ("LE", 0, (0, 5), (6, 1 << 32)),
        ("EQ", 0, (5,), (4, 6, 5 | 1 << 32)),
        ("GE", 0, (5, 6, 1 << 63), (4,)),
        ("GT", 0, (6, 1 << 32), (5, 0)),
        ("MASKED_EQ", 4, (4, 6, 4 | 1 << 32), (5, 0, 1)),
    ],
)
def test_each_operator_compares_all_bits(
    word: str, second: int, true: tuple[int, ...], false: tuple[int, ...]
) -> None:
    """The second argument is compared with 5, by a mask or as it is."""
    made = program(rule("mkdir", action=ERRNO, args=args(1, word, 5, second)))
    assert {made.answer(Call(MKDIR, (9, value))) for value in true} == {EPERM}
    assert {made.answer(Call(MKDIR, (9, value))) for value in false} == {ALLOW}


def test_a_profile_like_dockers_does_what_it_says() -> None:
    """What it allows, to whom, and with which arguments; and what is new to the library."""
    plain = Program.parse(compile_filter(DEFAULT_CAPABILITIES, docker_like()))
    admin = Program.parse(compile_filter(ADMINISTRATOR, docker_like()))
    assert [each.answer(Call(MOUNT)) for each in (plain, admin)] == [EPERM, ALLOW]
    assert [each.answer(Call(CLONE3)) for each in (plain, admin)] == [ENOSYS, ALLOW]
    new_user = Call(CLONE, (0x1000_0000,))
    assert [each.answer(new_user) for each in (plain, admin)] == [EPERM, ALLOW]
    answers = {value: plain.answer(Call(PERSONALITY, (value,))) for value in (0, 8, 0xFFFFFFFF)}
    assert answers == {0: ALLOW, 8: EPERM, 0xFFFFFFFF: ALLOW}
    assert [plain.answer(Call(SOCKET, (family,))) for family in (1, 40)] == [ALLOW, EPERM]
    assert "mseal" in ALLOWED
    assert [plain.answer(Call(number)) for number in (MKDIR, MSEAL, 1024)] == [ALLOW, ALLOW, EPERM]


def test_other_architectures_are_let_in_by_name_only() -> None:
    """Each call by its number there; without them such a caller is killed."""
    refused = rule("mkdir", action=ERRNO)
    alone = program(refused)
    assert alone.answer(Call(39, architecture=I386)) == KILL_PROCESS
    assert alone.answer(Call(MKDIR | X32_BIT)) == KILL_PROCESS
    family = program(refused, architectures=["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    assert family.answer(Call(MKDIR)) == EPERM
    assert family.answer(Call(39, architecture=I386)) == EPERM
    assert family.answer(Call(MKDIR, architecture=I386)) == ALLOW
    assert family.answer(Call(MKDIR | X32_BIT)) == EPERM


def test_rules_that_contradict_each_other_are_refused() -> None:
    """The same arguments cannot be answered in two ways; the call is named."""
    with pytest.raises(StartError, match="add a rule for mkdir to the seccomp filter: another one"):
        program(
            rule("mkdir", action=ERRNO, args=args(1, "EQ", 1)),
            rule("mkdir", action="SCMP_ACT_LOG", args=args(1, "EQ", 1)),
        )


def test_a_kept_filter_is_the_profiles_own(tmp_path: Path) -> None:
    """Neither another profile's nor that of other capabilities, whose rules may be others."""
    other = json.dumps({"defaultAction": "SCMP_ACT_LOG"})
    for profile in (None, other, docker_like()):
        for capabilities in (DEFAULT_CAPABILITIES, ADMINISTRATOR):
            made = cached_filter(tmp_path, capabilities, profile)
            assert made == compile_filter(capabilities, profile)
            cached_filter.cache_clear()
            assert cached_filter(tmp_path, capabilities, profile) == made
    assert len([*tmp_path.iterdir()]) == 6
