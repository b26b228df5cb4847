"""The JSON of a seccomp profile: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.security.capabilities import CAP_BPF, CAP_SYS_ADMIN
from runtime.security.customprofile import Action, Argument, Condition, SyscallRule
from runtime.security.profiledocument import compact_profile, parse_profile
from tests.runtime.security.dockerlike import docker_like

WORDS = (
    "ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "LOG", "TRACE", "TRAP",
)  # fmt: skip


def text(*calls: dict[str, Any], **others: Any) -> str:
    """A profile with these entries of ``syscalls``."""
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls, **others})


def only(**entry: Any) -> SyscallRule:
    """The rule that one entry becomes, which has a name and an action if it says nothing else."""
    (rule,) = parse_profile(text({"names": ["x"], "action": "SCMP_ACT_LOG", **entry})).rules
    return rule


@pytest.mark.parametrize("word", WORDS)
def test_every_action_is_known(word: str) -> None:
    """By default and in a rule; those that a number goes with have EPERM."""
    action = f"SCMP_ACT_{word}"
    data = 1 if word in ("ERRNO", "TRACE") else 0
    assert only(action=action).action == Action(action, data)
    assert parse_profile(text(defaultAction=action)).default == Action(action, data)


@pytest.mark.parametrize(
    ("entry", "data"),
    [
        ({"errnoRet": 0}, 0),
        ({"errnoRet": 38}, 38),
        ({"errnoRet": None}, 1),
        ({"errno": "ENOSYS"}, 38),
        ({"errno": "ENOSYS", "errnoRet": 1}, 38),
        ({"errno": "", "errnoRet": 5}, 5),
        ({"action": "SCMP_ACT_TRACE", "errnoRet": 65535}, 65535),
    ],
)
def test_an_errno_is_a_number_or_a_name(entry: dict[str, Any], data: int) -> None:
    """As Docker has it, and as Podman has it; nothing at all is EPERM."""
    assert only(**{"action": "SCMP_ACT_ERRNO", **entry}).action.data == data


def test_the_default_has_an_errno_too() -> None:
    """By number and by name."""
    default = {"defaultAction": "SCMP_ACT_ERRNO"}
    assert parse_profile(text(**default, defaultErrnoRet=38)).default.data == 38
    assert parse_profile(text(**default, defaultErrno="EACCES")).default.data == 13


@pytest.mark.parametrize("word", ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"])
def test_every_operator_is_known(word: str) -> None:
    """With all 64 bits of its values."""
    entry = {"index": 5, "value": 2**64 - 1, "valueTwo": 2**63, "op": f"SCMP_CMP_{word}"}
    assert only(args=[entry]).arguments == (Argument(5, f"SCMP_CMP_{word}", 2**64 - 1, 2**63),)


def test_conditions_have_three_parts() -> None:
    """Each of which may be left out, and null is the same as nothing."""
    condition = {"caps": ["CAP_BPF", "CAP_SYS_ADMIN"], "arches": ["amd64"], "minKernel": "4.08"}
    rule = only(includes=condition, excludes={"caps": None, "minKernel": ""})
    assert rule.includes == Condition(
        capabilities=frozenset({CAP_BPF, CAP_SYS_ADMIN}),
        architectures=frozenset({"amd64"}),
        kernel=(4, 8),
    )
    assert rule.excludes == Condition()
    assert only(includes=None, args=None, comment="any") == only()


def test_older_forms_are_read() -> None:
    """A single name, and a plain list of architectures."""
    profile = parse_profile(
        text({"name": "x", "action": "SCMP_ACT_LOG"}, architectures=["SCMP_ARCH_X86"], flags=[])
    )
    assert profile.rules[0].names == ("x",)
    assert profile.architectures == ("SCMP_ARCH_X86",)


def test_a_profile_like_dockers_is_read() -> None:
    """All of it, and the line that is kept says the same."""
    profile = parse_profile(docker_like())
    assert (len(profile.rules), len(profile.families)) == (10, 2)
    line = compact_profile(json.dumps(json.loads(docker_like()), indent=4))
    assert "\n" not in line
    assert parse_profile(line) == profile


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "is not JSON: line 1, column 1: expecting value"),
        ('{"a":1,\n}', "is not JSON: line 2, column 1: expecting property name"),
        ("[" * 100_000, "is nested too deeply"),
        ("[]", "must be an object, not an array"),
        ("{}", "needs the key defaultAction"),
        (
            '{"defaultAction":"x","defaultAction":"y"}',
            "an object has the key 'defaultAction' twice",
        ),
        (text(defaultAction=3), "defaultAction: must be a string, not a whole number"),
        (
            text(defaultAction="SCMP_ACT_DENY"),
            "defaultAction: 'SCMP_ACT_DENY' is not one of SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, ",
        ),
        (text(defaultAction="SCMP_ACT_NOTIFY"), "defaultAction: SCMP_ACT_NOTIFY wants a program"),
        (text(defaultErrnoRet=1), "defaultErrnoRet: means nothing to SCMP_ACT_ALLOW"),
        (
            text(defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=0),
            "defaultErrnoRet: 0 would make all calls seem to succeed",
        ),
        (text(syscals=[]), 'syscals: unknown key; did you mean "syscalls"?'),
        (text(**{"a b": 1}), '"a b": unknown key'),
        (text(syscalls={}), "syscalls: must be an array, not an object"),
        (text(flags=["SECCOMP_FILTER_FLAG_LOG"]), "flags: flags of the filter cannot be set"),
        (text(listenerPath="/x"), "listenerPath: nothing listens to a filter here"),
        (text(architectures=["X86"]), "architectures[0]: 'X86' is not known"),
        (
            text(architectures=["SCMP_ARCH_X86"], archMap=[{"architecture": "SCMP_ARCH_X86"}]),
            "archMap: is there beside architectures: use one of the two",
        ),
        (text(archMap=[{}]), "archMap[0].architecture: must be a string, not null"),
        (
            text(archMap=[{"architecture": "SCMP_ARCH_X86", "subArchitectures": ["x"]}]),
            "archMap[0].subArchitectures[0]: 'x' is not known",
        ),
    ],
)
def test_a_wrong_profile_is_refused(document: str, message: str) -> None:
    """With the place of what is wrong, and the cause."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        parse_profile(document)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


ARGUMENT = {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"names": None}, ": needs the key names"),
        ({"action": None}, ": needs the key action"),
        ({"name": "y"}, ".name: is there beside names: use one of the two"),
        ({"names": "x"}, ".names: must be an array, not a string"),
        ({"names": ["x", "a-b"]}, ".names[1]: 'a-b' is not the name of a system call"),
        ({"nmaes": ["x"]}, '.nmaes: unknown key; did you mean "names"?'),
        ({"action": "allow"}, ".action: 'allow' is not one of "),
        ({"errnoRet": 1}, ".errnoRet: means nothing to SCMP_ACT_LOG"),
        ({"errno": "EPERM"}, ".errno: means nothing to SCMP_ACT_LOG"),
        (
            {"action": "SCMP_ACT_ERRNO", "errnoRet": 4096},
            ".errnoRet: 4096 is not between 0 and 4095",
        ),
        (
            {"action": "SCMP_ACT_ERRNO", "errnoRet": True},
            ".errnoRet: must be a whole number, not true or false",
        ),
        (
            {"names": ["fsync", "setresuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
            ".errnoRet: 0 would make setresuid seem to succeed, by which a command is confined",
        ),
        ({"action": "SCMP_ACT_ERRNO", "errno": "ENOPE"}, ".errno: 'ENOPE' is not known"),
        ({"args": [{**ARGUMENT, "index": 6}]}, ".args[0].index: 6 is not between 0 and 5"),
        ({"args": [{**ARGUMENT, "value": -1}]}, ".args[0].value: -1 is not between 0 and 1844"),
        ({"args": [{**ARGUMENT, "value": 2**64}]}, ".args[0].value: 18446744073709551616 is not"),
        ({"args": [{**ARGUMENT, "value": 1.5}]}, ".args[0].value: must be a whole number, not a n"),
        ({"args": [{**ARGUMENT, "op": "=="}]}, ".args[0].op: '==' is not one of SCMP_CMP_EQ, "),
        ({"args": [ARGUMENT, {"index": 1}]}, ".args[1]: needs the key op"),
        ({"includes": {"caps": ["CAP_NOPE"]}}, ".includes.caps[0]: 'CAP_NOPE' is not a capability"),
        ({"excludes": {"arches": ["amd"]}}, ".excludes.arches[0]: 'amd' is not known"),
        ({"includes": {"minKernel": "5"}}, ".includes.minKernel: '5' is not the version of a ker"),
        ({"includes": {"kernel": "5.1"}}, ".includes.kernel: unknown key"),
    ],
)
def test_a_wrong_rule_is_refused(entry: dict[str, Any], message: str) -> None:
    """The same below ``syscalls``."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        only(**entry)
    assert str(caught.value).startswith(f"syscalls[0]{message}")
