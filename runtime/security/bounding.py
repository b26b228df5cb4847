"""Which capabilities this process can pass on at all."""

from __future__ import annotations

from pathlib import Path

from runtime.security.capabilities import ALL_CAPABILITIES


def bounding_set() -> frozenset[int]:
    """Those that a program which root starts may have; others nobody can give it any more."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapBnd":
            return frozenset(each for each in ALL_CAPABILITIES if int(value, 16) >> each & 1)
    return ALL_CAPABILITIES
