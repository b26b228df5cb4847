"""What a container may use: values that make no sense are refused with their field and reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from runtime.errors import SpecError
from runtime.limits import DEFAULT_DEVICES, DEFAULT_PIDS, MEMORY_FLOOR, DeviceRule, Limits


def test_without_limits_only_tasks_and_devices_are_limited() -> None:
    """The defaults stop a fork bomb and deny the host's devices; all else is free."""
    limits = Limits()
    assert (limits.pids, limits.devices) == (DEFAULT_PIDS, DEFAULT_DEVICES)
    assert {limits.memory, limits.memory_swap, limits.cpus, limits.cpuset} == {None}


def test_the_default_devices_are_those_that_every_program_expects() -> None:
    """null, zero, full, random, urandom, tty, ptmx and pseudo-terminals, and nothing else."""
    assert [(rule.kind, rule.major, rule.minor, rule.access) for rule in DEFAULT_DEVICES] == [
        ("c", 1, 3, "rwm"),
        ("c", 1, 5, "rwm"),
        ("c", 1, 7, "rwm"),
        ("c", 1, 8, "rwm"),
        ("c", 1, 9, "rwm"),
        ("c", 5, 0, "rwm"),
        ("c", 5, 2, "rwm"),
        ("c", 136, None, "rwm"),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"memory": 524_287}, "memory: 524287 bytes is below the minimum of 512k"),
        ({"memory": -1}, "memory: -1 bytes is below the minimum of 512k"),
        ({"memory_swap": 1 << 20}, "memory_swap: needs a memory limit beside it"),
        (
            {"memory": 1 << 20, "memory_swap": 1_048_575},
            "memory_swap: is memory plus swap and cannot be below memory",
        ),
        (
            {"memory": 1 << 20, "memory_swap": -2},
            "memory_swap: is memory plus swap and cannot be below memory",
        ),
        ({"memory_reservation": -1}, "memory_reservation: cannot be negative"),
        ({"cpus": 0.0}, "cpus: 0 is below the minimum of 0.01"),
        ({"cpus": 0.009}, "cpus: 0.009 is below the minimum of 0.01"),
        ({"cpus": math.nan}, "cpus: nan is below the minimum of 0.01"),
        ({"cpu_weight": 0}, "cpu_weight: 0 is not between 1 and 10000"),
        ({"cpu_weight": 10_001}, "cpu_weight: 10001 is not between 1 and 10000"),
        ({"io_weight": 0}, "io_weight: 0 is not between 1 and 10000"),
        ({"pids": 0}, "pids_limit: 0 is not a positive number"),
    ],
)
def test_a_senseless_limit_is_refused(wrong: dict[str, Any], message: str) -> None:
    """The message names the field as the user wrote it, the value and what is wrong with it."""
    with pytest.raises(SpecError) as error:
        Limits(**wrong)
    assert str(error.value) == message
    assert error.value.field == message.partition(":")[0]


@pytest.mark.parametrize(
    "right",
    [
        {"memory": MEMORY_FLOOR},
        {"memory": 1 << 20, "memory_swap": 1 << 20},
        {"memory_swap": -1},
        {"cpus": 0.01},
        {"cpu_weight": 1, "io_weight": 10_000},
        {"pids": 1},
        {"pids": None, "devices": None},
        {"devices": (DeviceRule(kind="b", major=8, minor=None, access="r"),)},
    ],
)
def test_the_bounds_themselves_are_allowed(right: dict[str, Any]) -> None:
    """The smallest and the largest value that make sense are taken as they are."""
    limits = Limits(**right)
    assert {name: getattr(limits, name) for name in right} == right
