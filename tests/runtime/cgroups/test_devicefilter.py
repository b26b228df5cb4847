"""The device filter, run by a small interpreter of the instructions it uses."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups.devicefilter import device_lines, device_program
from runtime.errors import CgroupError
from runtime.limits import DEFAULT_DEVICES, DeviceRule

KINDS = {"b": 1, "c": 2}
ACCESS = {"m": 1, "r": 2, "w": 4}
MASK = 2**64 - 1


def allowed(program: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """Run `program` as the kernel would for one access to one device."""
    wanted = sum(ACCESS[letter] for letter in access)
    context = struct.pack("<III", wanted << 16 | KINDS[kind], major, minor)
    registers = [0] * 11
    at = 0
    while True:
        code, both, offset, immediate = struct.unpack_from("<BBhi", program, at * 8)
        target, source = both & 15, both >> 4
        at += 1
        match code:
            case 0x61:  # the context is the only memory there is; it starts at address 0
                registers[target] = int.from_bytes(context[offset : offset + 4], "little")
            case 0xBF:
                registers[target] = registers[source]
            case 0xB7:
                registers[target] = immediate & MASK
            case 0x57:
                registers[target] &= immediate & MASK
            case 0x77:
                registers[target] >>= immediate
            case 0x55:
                at += offset if registers[target] != immediate & MASK else 0
            case 0x95:
                return registers[0] == 1
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def test_the_default_list() -> None:
    """The listed devices pass with every access, everything else is denied."""
    program = device_program(DEFAULT_DEVICES)
    for minor in (3, 5, 7, 8, 9):
        assert allowed(program, "c", 1, minor, "rwm")
    assert allowed(program, "c", 136, 4711, "rw")
    assert not allowed(program, "c", 1, 1, "r")  # mem
    assert not allowed(program, "b", 1, 3, "r")
    assert not allowed(program, "b", 8, 0, "r")
    assert not allowed(program, "c", 10, 229, "m")


def test_no_rules_deny_everything() -> None:
    """An empty list is a closed door."""
    program = device_program(())
    assert not allowed(program, "c", 1, 3, "r")


def test_each_access_is_checked() -> None:
    """A read-only device cannot be written or made, alone or together with reading."""
    program = device_program([DeviceRule(kind="b", major=8, minor=0, access="r")])
    assert allowed(program, "b", 8, 0, "r")
    for access in ("w", "m", "rw", "rwm"):
        assert not allowed(program, "b", 8, 0, access)


def test_two_rules_for_one_device_add_up() -> None:
    """Reading and writing allowed apart are allowed together, as on v1."""
    rules = [
        DeviceRule(kind="c", major=5, minor=1, access="r"),
        DeviceRule(kind="c", major=5, minor=1, access="w"),
    ]
    assert allowed(device_program(rules), "c", 5, 1, "rw")
    assert device_lines(rules) == ["c 5:1 rw"]


rules_of = st.lists(
    st.builds(
        DeviceRule,
        kind=st.sampled_from(["b", "c"]),
        major=st.integers(0, 4),
        minor=st.none() | st.integers(0, 4),
        access=st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm"]),
    ),
    max_size=8,
)


@given(
    rules_of,
    st.sampled_from(["b", "c"]),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["r", "w", "m", "rw", "rwm"]),
)
def test_the_program_agrees_with_the_rules(
    rules: list[DeviceRule], kind: str, major: int, minor: int, access: str
) -> None:
    """The filter allows an access if and only if one line of the v1 list would."""
    expected = False
    for line in device_lines(rules):
        line_kind, number, letters = line.split(" ")
        line_major, line_minor = number.split(":")
        expected = expected or (
            line_kind == kind
            and int(line_major) == major
            and line_minor in ("*", str(minor))
            and set(access) <= set(letters)
        )
    assert allowed(device_program(rules), kind, major, minor, access) == expected


@pytest.mark.parametrize(
    "rule",
    [
        DeviceRule(kind="c", major=4096, minor=0),
        DeviceRule(kind="c", major=1, minor=-1),
        DeviceRule(kind="c", major=1, minor=1 << 20),
        DeviceRule(kind="c", major=1, minor=1, access="rx"),
        DeviceRule(kind="c", major=1, minor=1, access=""),
    ],
)
def test_an_impossible_rule_is_named(rule: DeviceRule) -> None:
    """A rule that no device can match is refused with its place in the list."""
    with pytest.raises(CgroupError, match=r"^devices\[1\]: "):
        device_program([DEFAULT_DEVICES[0], rule])
