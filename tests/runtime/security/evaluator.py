"""What the kernel would answer: classic BPF as seccomp(2) runs it, in Python.

Independent of libseccomp and of the project's own code. An instruction or an offset that no
seccomp program may have is an error, and so is a jump out of the program.
"""

from __future__ import annotations

import operator
import os
import struct
from collections.abc import Callable

import pytest
from attrs import frozen

ON_X86_64 = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the expected numbers are those of x86_64"
)
ALLOW = 0x7FFF_0000
KILL_PROCESS = 0x8000_0000
EPERM = 0x0005_0000 | 1
ENOSYS = 0x0005_0000 | 38

X86_64 = 0xC000_003E
I386 = 0x4000_0003
AARCH64 = 0xC000_00B7
X32_BIT = 0x4000_0000

_LOAD, _AND, _JUMP, _RETURN = 0x20, 0x54, 0x05, 0x06
_COMPARISONS: dict[int, Callable[[int, int], bool]] = {
    0x15: operator.eq,
    0x25: operator.gt,
    0x35: operator.ge,
    0x45: lambda accumulator, mask: accumulator & mask != 0,
}


@frozen
class Call:
    """A system call as a filter sees it: struct seccomp_data."""

    number: int
    arguments: tuple[int, ...] = ()
    architecture: int = X86_64

    def data(self) -> bytes:
        """The structure's bytes."""
        arguments = (*self.arguments, *[0] * (6 - len(self.arguments)))
        return struct.pack("<IIQ6Q", self.number, self.architecture, 0, *arguments)


@frozen
class Program:
    """An array of struct sock_filter, taken apart once."""

    instructions: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def parse(cls, code: bytes) -> Program:
        """Take the bytes apart."""
        return cls(tuple(struct.iter_unpack("<HBBI", code)))

    def answer(self, call: Call) -> int:
        """The action that the program returns for this call."""
        data = call.data()
        accumulator = position = 0
        while True:
            code, if_true, if_false, constant = self.instructions[position]
            position += 1
            if code == _RETURN:
                return constant
            if code == _LOAD:
                assert constant % 4 == 0
                (accumulator,) = struct.unpack_from("<I", data, constant)
            elif code == _AND:
                accumulator &= constant
            elif code == _JUMP:
                position += constant
            else:
                position += if_true if _COMPARISONS[code](accumulator, constant) else if_false
