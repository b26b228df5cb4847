"""The profile as data: names that exist, lists that do not contradict each other."""

from __future__ import annotations

import importlib
from itertools import combinations

import pytest

from runtime.security.capabilities import ALL_CAPABILITIES, DEFAULT_CAPABILITIES
from runtime.security.profile import ALLOWED, DENIED, GRANTED, RECENT_NUMBERS, Rule, rules

OLD_CALLS = """
    access alarm arch_prctl chmod chown creat dup2 epoll_create epoll_ctl_old epoll_wait
    epoll_wait_old eventfd fork futimesat get_thread_area getdents getpgrp inotify_init ioperm iopl
    lchown link lstat mkdir mknod modify_ldt open pause pipe poll readlink rename rmdir select
    set_thread_area signalfd stat symlink sysfs time unlink uselib ustat utime utimes vfork
"""
"""Calls that aarch64 was never given, as it began with their successors."""

# It has no types; imported by name, it is Any.
pyseccomp = importlib.import_module("pyseccomp")


def _resolve(architecture: int, name: str) -> int:
    number: int = pyseccomp.resolve_syscall(architecture, name)
    return number


def _names() -> frozenset[str]:
    return ALLOWED.union(DENIED, *GRANTED.values())


def test_every_name_is_a_call_of_x86_64() -> None:
    """No name is misspelt: libseccomp or our own list of recent calls has a number for it."""
    missing = {name for name in _names() if _resolve(pyseccomp.Arch.X86_64, name) < 0}
    assert missing <= RECENT_NUMBERS.keys()


def test_names_missing_on_aarch64_are_the_old_ones() -> None:
    """On aarch64 a name is skipped only where that architecture has no such call."""
    missing = {name for name in _names() if _resolve(pyseccomp.Arch.AARCH64, name) < 0}
    assert missing - RECENT_NUMBERS.keys() == set(OLD_CALLS.split())


def test_recent_numbers_agree_with_the_library() -> None:
    """Where libseccomp knows a recent call, it gives it the number that we do."""
    for name, number in RECENT_NUMBERS.items():
        for architecture in (pyseccomp.Arch.X86_64, pyseccomp.Arch.AARCH64):
            assert _resolve(architecture, name) in (number, -1)


def test_the_lists_are_apart() -> None:
    """A call is allowed to all, granted by a capability, or denied to all, and only one of them."""
    granted = frozenset[str]().union(*GRANTED.values())
    for left, right in combinations((ALLOWED, DENIED, granted), 2):
        assert not left & right


@pytest.mark.parametrize("capabilities", [frozenset(), DEFAULT_CAPABILITIES, ALL_CAPABILITIES])
def test_no_two_rules_overlap(capabilities: frozenset[int]) -> None:
    """No call matches two rules that differ, so the order of rules can never matter."""
    by_name: dict[str, list[Rule]] = {}
    for rule in rules(capabilities):
        by_name.setdefault(rule.name, []).append(rule)
    for same_name in by_name.values():
        for left, right in combinations(same_name, 2):
            assert left.comparison is not None
            assert right.comparison is not None
            shared = left.comparison.mask & right.comparison.mask
            disjoint = (left.comparison.value ^ right.comparison.value) & shared != 0
            assert disjoint or left.allow == right.allow, (left, right)
