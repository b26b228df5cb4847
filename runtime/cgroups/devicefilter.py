"""The device access list of a container as a program for the kernel's BPF machine.

Cgroup v2 has no device files to write: the kernel runs a small program at every open and
mknod of a device, with the access in hand, and lets it pass if the program returns 1.
Building the instructions is a pure function of the rules.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from runtime.errors import CgroupError
from runtime.limits import DeviceRule

_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_ALL_ACCESS = 7

# struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor
_CONTEXT_ACCESS, _CONTEXT_MAJOR, _CONTEXT_MINOR = 0, 4, 8

_LOAD_WORD = 0x61  # dst = *(u32 *)(src + offset)
_COPY = 0xBF  # dst = src
_SET = 0xB7  # dst = immediate
_AND = 0x57  # dst &= immediate
_SHIFT_RIGHT = 0x77  # dst >>= immediate
_JUMP_UNEQUAL = 0x55  # if dst != immediate: skip `offset` instructions
_EXIT = 0x95

_RESULT, _SCRATCH, _KIND, _WANTED, _MAJOR, _MINOR = 0, 1, 2, 3, 4, 5
"""Registers; the kernel passes the context in the one that becomes scratch."""


def device_program(rules: Sequence[DeviceRule]) -> bytes:
    """Instructions that allow exactly what `rules` list and deny everything else."""
    code = [
        _instruction(_LOAD_WORD, _KIND, source=_SCRATCH, offset=_CONTEXT_ACCESS),
        _instruction(_LOAD_WORD, _MAJOR, source=_SCRATCH, offset=_CONTEXT_MAJOR),
        _instruction(_LOAD_WORD, _MINOR, source=_SCRATCH, offset=_CONTEXT_MINOR),
        _instruction(_COPY, _WANTED, source=_KIND),
        _instruction(_SHIFT_RIGHT, _WANTED, immediate=16),
        _instruction(_AND, _KIND, immediate=0xFFFF),
    ]
    for (kind, major, minor), access in merged(rules).items():
        code += _rule(kind, major, minor, access)
    code += [_instruction(_SET, _RESULT, immediate=0), _instruction(_EXIT, _RESULT)]
    return b"".join(code)


def merged(rules: Sequence[DeviceRule]) -> dict[tuple[str, int, int | None], int]:
    """Access bits by device; two rules for one device add up, as they do on v1."""
    found: dict[tuple[str, int, int | None], int] = {}
    for index, rule in enumerate(rules):
        name = f"devices[{index}]"
        if not 0 <= rule.major < 2**12 or not 0 <= (rule.minor or 0) < 2**20:
            raise CgroupError(f"{name}: {rule.major}:{rule.minor} is not a device number")
        if not rule.access or set(rule.access) - _ACCESS.keys():
            raise CgroupError(f"{name}: access {rule.access!r} is not made of r, w and m")
        key = (rule.kind, rule.major, rule.minor)
        found[key] = found.get(key, 0) | sum(_ACCESS[letter] for letter in set(rule.access))
    return found


def device_lines(rules: Sequence[DeviceRule]) -> list[str]:
    """The same list in the form of v1's ``devices.allow`` and ``devices.list``."""
    return [
        f"{kind} {major}:{'*' if minor is None else minor} "
        + "".join(letter for letter in "rwm" if access & _ACCESS[letter])
        for (kind, major, minor), access in merged(rules).items()
    ]


def _rule(kind: str, major: int, minor: int | None, access: int) -> list[bytes]:
    tests = [(_KIND, _KINDS[kind]), (_MAJOR, major)]
    if minor is not None:
        tests.append((_MINOR, minor))
    body: list[bytes] = []
    if access != _ALL_ACCESS:
        body = [
            _instruction(_COPY, _SCRATCH, source=_WANTED),
            _instruction(_AND, _SCRATCH, immediate=_ALL_ACCESS & ~access),
        ]
        tests.append((_SCRATCH, 0))
    body += [_instruction(_JUMP_UNEQUAL, register, immediate=want) for register, want in tests]
    accept = [_instruction(_SET, _RESULT, immediate=1), _instruction(_EXIT, _RESULT)]
    return _aimed([*body, *accept])


def _aimed(block: list[bytes]) -> list[bytes]:
    """Point every jump of one rule's block to the instruction after the block."""
    return [
        code if code[0] != _JUMP_UNEQUAL else code[:2] + struct.pack("<h", rest) + code[4:]
        for code, rest in zip(block, range(len(block) - 1, -1, -1), strict=True)
    ]


def _instruction(
    code: int, target: int, *, source: int = 0, offset: int = 0, immediate: int = 0
) -> bytes:
    """One struct bpf_insn; the project runs on little-endian machines only."""
    return struct.pack("<BBhi", code, source << 4 | target, offset, immediate)
