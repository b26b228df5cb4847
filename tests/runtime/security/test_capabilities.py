"""Names, numbers and Docker's rules for adding and dropping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.security.capabilities import (
    ALL_CAPABILITIES,
    DEFAULT_CAPABILITIES,
    NAMES,
    effective_set,
    names,
    parse_capability,
    to_mask,
)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("CAP_CHOWN", 0),
        ("KILL", 5),
        ("net_admin", 12),
        ("cap_sys_admin", 21),
        ("Cap_SetFCap", 31),
        ("CAP_CHECKPOINT_RESTORE", 40),
    ],
)
def test_names_are_read_in_any_case(name: str, number: int) -> None:
    """A name has its number of capability.h, with and without CAP_, in any case."""
    assert parse_capability(name) == number


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_the_number_of_its_place(name: str) -> None:
    """The table's index is the capability's number."""
    assert NAMES[parse_capability(name)] == name


def test_the_kernel_has_no_capability_that_the_table_lacks() -> None:
    """The last capability of the running kernel is in the table."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert last < len(NAMES)


def test_unknown_name_is_refused_with_the_nearest() -> None:
    """A misspelt name is an error that suggests what was meant."""
    message = "'CAP_NET_ADMON' is not a capability; did you mean \"NET_ADMIN\"?"
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_capability("CAP_NET_ADMON")


@pytest.mark.parametrize("name", ["", "CAP_", "CAP_CAP_KILL", "5", "KILL ", "ALL", "\u017fetuid"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """Numbers, blanks, doubled prefixes, look-alikes and ALL are no capability."""
    with pytest.raises(ValueError, match="is not a capability"):
        parse_capability(name)


@given(st.text())
def test_any_text_is_a_capability_or_refused(text: str) -> None:
    """Whatever is given, the answer is a number of the table or a ValueError of one line."""
    try:
        assert parse_capability(text) in ALL_CAPABILITIES
    except ValueError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 120


def test_defaults_are_the_documented_ones() -> None:
    """A container that asks for nothing has these eleven."""
    assert names(effective_set((), ())) == (
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
        "CAP_SETFCAP",
    )


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        (["NET_RAW"], [], DEFAULT_CAPABILITIES | {13}),
        ([], ["KILL"], DEFAULT_CAPABILITIES - {5}),
        (["KILL"], ["KILL"], DEFAULT_CAPABILITIES),
        (["ALL"], [], ALL_CAPABILITIES),
        (["all"], ["SYS_ADMIN", "cap_kill"], ALL_CAPABILITIES - {21, 5}),
        (["ALL"], ["ALL"], ALL_CAPABILITIES),
        ([], ["ALL"], frozenset()),
        (["CHOWN", "NET_RAW"], ["CAP_ALL"], frozenset({0, 13})),
        (["CHOWN"], ["ALL", "CHOWN"], frozenset({0})),
    ],
)
def test_add_and_drop_follow_docker(
    add: list[str], drop: list[str], expected: frozenset[int]
) -> None:
    """ALL to add wins over ALL to drop, and a single name added wins over it dropped."""
    assert effective_set(add, drop) == expected


@pytest.mark.parametrize(("add", "drop"), [(["NOPE"], []), ([], ["NOPE"]), (["ALL"], ["NOPE"])])
def test_unknown_names_in_lists_are_refused(add: list[str], drop: list[str]) -> None:
    """A name that means nothing is an error, even where ALL would make it moot."""
    with pytest.raises(ValueError, match="'NOPE' is not a capability"):
        effective_set(add, drop)


@given(st.frozensets(st.sampled_from(range(len(NAMES)))))
def test_mask_has_one_bit_for_each_capability(capabilities: frozenset[int]) -> None:
    """Bit n of the mask is set for capability n, and for no other."""
    mask = to_mask(capabilities)
    assert {number for number in range(64) if mask & (1 << number)} == capabilities
