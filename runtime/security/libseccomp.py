"""libseccomp as typed functions: the one place that touches pyseccomp, which has no types.

pyseccomp is imported when the first filter is built: to find the library it runs ldconfig, and
most runs need no filter that is not compiled already. Every failure is a StartError.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from typing import Any

from runtime.errors import StartError
from runtime.security.profile import Comparison

_BINARY_TREE = 2
"""SCMP_FLTATR_CTL_OPTIMIZE: look a number up by bisection, not one after the other."""


class _Version(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint),
        ("minor", ctypes.c_uint),
        ("micro", ctypes.c_uint),
    )


def version() -> str:
    """The version of the library that is installed."""
    try:
        function = ctypes.CDLL("libseccomp.so.2").seccomp_version
    except OSError as error:
        raise StartError(f"load the seccomp library: {error}") from error
    function.restype = ctypes.POINTER(_Version)
    found = function().contents
    return f"{found.major}.{found.minor}.{found.micro}"


class FilterBuilder:
    """A filter for the native architecture; a process that calls by another's is killed.

    Numbers without a rule give `unknown`, those with a rule that denies give `denied`.
    """

    def __init__(self, unknown: int, denied: int) -> None:
        try:
            self._library: Any = importlib.import_module("pyseccomp")
        except RuntimeError as error:
            raise StartError(f"load the seccomp library: {str(error).lower()}") from error
        self._denied = self._library.ERRNO(denied)
        attributes = self._library.Attr
        try:
            self._filter = self._library.SyscallFilter(self._library.ERRNO(unknown))
            self._filter.set_attr(attributes.ACT_BADARCH, self._library.KILL_PROCESS)
            self._filter.set_attr(attributes.CTL_OPTIMIZE, _BINARY_TREE)
        except OSError as error:
            raise StartError(
                f"set up a seccomp filter with libseccomp {version()}: {error.strerror}"
            ) from error

    def resolve(self, name: str) -> int | None:
        """The number of a call; None where this architecture or library does not have it."""
        number: int = self._library.resolve_syscall(self._library.Arch.NATIVE, name)
        return number if number >= 0 else None

    def add(self, allow: bool, number: int, comparison: Comparison | None) -> None:
        """Add a rule; it may not overlap another one."""
        action = self._library.ALLOW if allow else self._denied
        conditions = []
        if comparison is not None:
            equal = self._library.MASKED_EQ
            conditions.append(
                self._library.Arg(comparison.argument, equal, comparison.mask, comparison.value)
            )
        try:
            self._filter.add_rule_exactly(action, number, *conditions)
        except OSError as error:
            raise StartError(
                f"add a rule for system call {number} to the seccomp filter: {error.strerror}"
            ) from error

    def program(self) -> bytes:
        """The filter as an array of struct sock_filter."""
        try:
            with open(os.memfd_create("seccomp", os.MFD_CLOEXEC), "w+b") as file:
                self._filter.export_bpf(file)
                file.seek(0)
                return file.read()
        except OSError as error:
            raise StartError(f"compile the seccomp filter: {error.strerror}") from error
