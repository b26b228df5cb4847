"""libseccomp as typed functions: the one place that touches pyseccomp, which has no types.

pyseccomp is imported when the first filter is built: to find the library it runs ldconfig, and
most runs need no filter that is not compiled already. Every failure is a StartError.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
from collections.abc import Collection, Iterable
from typing import Any

from runtime.errors import StartError
from runtime.security.customprofile import Action, Argument
from runtime.security.profile import RECENT_NUMBERS

_BINARY_TREE = 2
"""SCMP_FLTATR_CTL_OPTIMIZE: look a number up by bisection, not one after the other."""
_UNKNOWN = -1
"""The number of no call (__NR_SCMP_ERROR); other negative ones are of other architectures."""


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
    """A filter for the native architecture and perhaps `others`; callers by any else are killed.

    Numbers without a rule have the `default`. Each call has its number on each architecture.
    """

    def __init__(self, default: Action, others: Collection[str] = ()) -> None:
        try:
            self._library: Any = importlib.import_module("pyseccomp")
        except RuntimeError as error:
            raise StartError(f"load the seccomp library: {str(error).lower()}") from error
        try:
            self._native = self._filter(default)
            # The others are apart until the end: among them the library takes no number that it
            # has no name for, and what is newer than the library has to be there natively.
            self._others = self._filter(default) if others else None
            if self._others is not None:
                for name in others:
                    architecture = getattr(self._library.Arch, name.removeprefix("SCMP_ARCH_"))
                    self._others.add_arch(architecture)
                self._others.remove_arch(self._library.Arch.NATIVE)
        except OSError as error:
            raise StartError(
                f"set up a seccomp filter with libseccomp {version()}: {error.strerror}"
            ) from error

    def _filter(self, default: Action) -> Any:
        attributes = self._library.Attr
        made = self._library.SyscallFilter(self._value(default))
        made.set_attr(attributes.ACT_BADARCH, self._library.KILL_PROCESS)
        made.set_attr(attributes.CTL_OPTIMIZE, _BINARY_TREE)
        return made

    def _value(self, action: Action) -> int:
        value = getattr(self._library, action.word.removeprefix("SCMP_ACT_"))
        return int(value(action.data) if callable(value) else value)

    def add(self, action: Action, name: str, arguments: Iterable[Argument] = ()) -> None:
        """Add a rule, unless nobody here has such a call.

        Where it overlaps another one the library decides which of them counts.
        """
        known = self._library.resolve_syscall(self._library.Arch.NATIVE, name)
        number = RECENT_NUMBERS.get(name, _UNKNOWN) if known == _UNKNOWN else known
        conditions = [
            self._library.Arg(
                each.index,
                getattr(self._library, each.operator.removeprefix("SCMP_CMP_")),
                each.value,
                each.second,
            )
            for each in arguments
        ]
        value = self._value(action)
        try:
            if number >= 0:
                self._native.add_rule_exactly(value, number, *conditions)
            if self._others is not None and known != _UNKNOWN:
                self._others.add_rule(value, known, *conditions)
        except OSError as error:
            cause = error.strerror
            if error.errno == errno.EEXIST:
                cause = "another one says something else for the same arguments"
            raise StartError(f"add a rule for {name} to the seccomp filter: {cause}") from error

    def program(self) -> bytes:
        """The filter as an array of struct sock_filter; nothing can be added any more."""
        try:
            if self._others is not None:
                self._native.merge(self._others)
            with open(os.memfd_create("seccomp", os.MFD_CLOEXEC), "w+b") as file:
                self._native.export_bpf(file)
                file.seek(0)
                return file.read()
        except OSError as error:
            raise StartError(f"compile the seccomp filter: {error.strerror}") from error
