"""Linux capabilities by name and number, and which of them a container gets.

Sets are `frozenset[int]` throughout. Every name that people write goes through
`parse_capability`, which refuses what it does not know instead of dropping it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable

from runtime.nearest import did_you_mean

CAP_DAC_READ_SEARCH = 2
CAP_SYS_MODULE = 16
CAP_SYS_RAWIO = 17
CAP_SYS_CHROOT = 18
CAP_SYS_PTRACE = 19
CAP_SYS_PACCT = 20
CAP_SYS_ADMIN = 21
CAP_SYS_BOOT = 22
CAP_SYS_NICE = 23
CAP_SYS_TIME = 25
CAP_SYS_TTY_CONFIG = 26
CAP_SYSLOG = 34
CAP_PERFMON = 38
CAP_BPF = 39

NAMES: tuple[str, ...] = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
"""Every capability, at the index that is its number."""

_NUMBERS = {name: number for number, name in enumerate(NAMES)}

ALL_CAPABILITIES: frozenset[int] = frozenset(range(len(NAMES)))

DEFAULT_CAPABILITIES: frozenset[int] = frozenset(
    _NUMBERS[name]
    for name in (
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FSETID",
        "CAP_FOWNER",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETFCAP",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
        "CAP_KILL",
    )
)
"""Docker's, without MKNOD, NET_RAW and AUDIT_WRITE."""

_ALL = frozenset({"ALL", "CAP_ALL"})


def parse_capability(name: str) -> int:
    """The number of ``CAP_KILL``, ``kill`` or ``Cap_Kill``; raises ValueError."""
    short = name.upper().removeprefix("CAP_")
    number = _NUMBERS.get(f"CAP_{short}")
    # upper() turns some letters of other alphabets into ASCII.
    if number is None or not name.isascii():
        raise ValueError(f"{reprlib.repr(name)} is not a capability{_near(short)}")
    return number


def effective_set(add: Iterable[str], drop: Iterable[str]) -> frozenset[int]:
    """The defaults with `add` and `drop` applied as Docker does; raises ValueError.

    ALL in `add` starts from every capability and takes `drop` away. ALL in `drop` leaves only
    what `add` names. Without ALL, a capability that both name is added.
    """
    add_all, added = _parse_list(add)
    drop_all, dropped = _parse_list(drop)
    if add_all:
        return ALL_CAPABILITIES - dropped
    if drop_all:
        return added
    return (DEFAULT_CAPABILITIES - dropped) | added


def asks_for_all(listed: Iterable[str]) -> bool:
    """Whether ALL is among these names."""
    return any(name.upper() in _ALL for name in listed)


def to_mask(capabilities: frozenset[int]) -> int:
    """The kernel's form of a set: bit n stands for capability n."""
    return sum(1 << number for number in capabilities)


def names(capabilities: frozenset[int]) -> tuple[str, ...]:
    """The names of a set, in the order of their numbers."""
    return tuple(NAMES[number] for number in sorted(capabilities))


def _parse_list(listed: Iterable[str]) -> tuple[bool, frozenset[int]]:
    named = [*listed]
    numbers = (parse_capability(name) for name in named if not asks_for_all([name]))
    return asks_for_all(named), frozenset(numbers)


def _near(short: str) -> str:
    return did_you_mean(short, [name.removeprefix("CAP_") for name in NAMES])
