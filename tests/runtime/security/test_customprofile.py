"""Which rules of a caller's profile count for a container, on a machine."""

from __future__ import annotations

import pytest

from runtime.security.capabilities import CAP_BPF, CAP_SYS_ADMIN
from runtime.security.customprofile import (
    Action,
    Argument,
    Condition,
    CustomProfile,
    Machine,
    SyscallRule,
)

HERE = Machine.of("x86_64", "6.1.0-18-amd64")
ALLOW, LOG = Action("SCMP_ACT_ALLOW"), Action("SCMP_ACT_LOG")
BOTH = frozenset({CAP_BPF, CAP_SYS_ADMIN})
ONE = frozenset({CAP_BPF})
ANY = Condition()


def counts(includes: Condition = ANY, excludes: Condition = ANY) -> bool:
    """Whether a rule with these conditions counts here."""
    rule = SyscallRule(names=("x",), action=LOG, includes=includes, excludes=excludes)
    return [*CustomProfile(default=ALLOW, rules=(rule,)).rules_for(ONE, HERE)] == [rule]


def of(*architectures: str) -> Condition:
    """A condition of architectures."""
    return Condition(architectures=frozenset(architectures))


@pytest.mark.parametrize(
    ("condition", "included", "excluded"),
    [
        (Condition(), True, False),
        (Condition(capabilities=ONE), True, True),
        (Condition(capabilities=BOTH), False, True),
        (Condition(capabilities=frozenset({CAP_SYS_ADMIN})), False, False),
        (of("amd64", "x32"), True, True),
        (of("x32", "x86"), False, False),
        (Condition(kernel=(6, 1)), True, True),
        (Condition(kernel=(5, 19)), True, True),
        (Condition(kernel=(6, 2)), False, False),
        (Condition(kernel=(10, 0)), False, False),
        (Condition(capabilities=ONE, kernel=(6, 2)), False, True),
    ],
)
def test_conditions_are_decided_as_docker_does(
    condition: Condition, included: bool, excluded: bool
) -> None:
    """A rule needs all that it includes, and nothing of what it excludes."""
    assert counts(includes=condition) is included
    assert counts(excludes=condition) is not excluded


def test_a_rule_that_says_what_holds_anyway_is_left_out() -> None:
    """The same action with another errno is another action."""
    refused, other = Action("SCMP_ACT_ERRNO", 1), Action("SCMP_ACT_ERRNO", 2)
    rules = tuple(SyscallRule(names=("x",), action=action) for action in (refused, other))
    profile = CustomProfile(default=refused, rules=rules)
    assert [*profile.rules_for(ONE, HERE)] == [rules[1]]


def test_two_comparisons_of_one_argument_are_alternatives() -> None:
    """Those of different ones have to be so all together."""
    a, b, other = (Argument(at, "SCMP_CMP_EQ", 1 + at) for at in (0, 0, 1))
    rule = SyscallRule(names=("x",), action=LOG, arguments=(a, other))
    assert rule.alternatives() == ((a, other),)
    rule = SyscallRule(names=("x",), action=LOG, arguments=(a, b, other))
    assert rule.alternatives() == ((a,), (b,), (other,))
    assert SyscallRule(names=("x",), action=LOG).alternatives() == ((),)


@pytest.mark.parametrize("machine", [HERE, Machine.of("aarch64", "5.10")])
def test_architectures_are_those_that_the_machine_runs(machine: Machine) -> None:
    """Of the family of its own, or of a plain list; others can make no calls here."""
    families = (
        ("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_MIPS")),
        ("SCMP_ARCH_AARCH64", ("SCMP_ARCH_ARM",)),
    )
    profile = CustomProfile(default=ALLOW, families=families)
    own = ("SCMP_ARCH_X86", "SCMP_ARCH_X32") if machine is HERE else ("SCMP_ARCH_ARM",)
    assert profile.further_architectures(machine) == own
    named = tuple(name for _, below in families for name in below)
    assert CustomProfile(default=ALLOW, architectures=named).further_architectures(machine) == own
    assert CustomProfile(default=ALLOW).further_architectures(machine) == ()
