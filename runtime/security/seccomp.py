"""Seccomp programs for containers, compiled once for each profile and set of capabilities.

A program is an array of struct sock_filter as seccomp(2) takes it. Compiling takes milliseconds,
so a program is kept in memory, and for short runs also in a directory. What is read back from
there is used only if it is whole and was compiled from the same rules, by the same library, for
the same architecture.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
from pathlib import Path

from runtime.errors import StartError
from runtime.security.customprofile import Action, Argument, Machine
from runtime.security.libseccomp import FilterBuilder, version
from runtime.security.profile import RECENT_NUMBERS, rules

_INSTRUCTION_SIZE = 8
_DIGEST_SIZE = hashlib.sha256().digest_size
_LARGEST = 4096 * _INSTRUCTION_SIZE + _DIGEST_SIZE
"""The kernel takes programs of up to 4096 instructions (BPF_MAXINSNS)."""


@functools.cache
def compile_filter(capabilities: frozenset[int], profile: str | None = None) -> bytes:
    """The program for a container with these capabilities. Raises StartError.

    `profile` is the caller's own, a JSON text that has been checked, in place of the built-in one.
    """
    builder = _built_in(capabilities) if profile is None else _custom(capabilities, profile)
    return builder.program()


def _built_in(capabilities: frozenset[int]) -> FilterBuilder:
    builder = FilterBuilder(Action("SCMP_ACT_ERRNO", errno.ENOSYS))
    allowed, denied = Action("SCMP_ACT_ALLOW"), Action("SCMP_ACT_ERRNO", errno.EPERM)
    for rule in rules(capabilities):
        found = rule.comparison
        arguments = (
            ()
            if found is None
            else (Argument(found.argument, "SCMP_CMP_MASKED_EQ", found.mask, found.value),)
        )
        builder.add(allowed if rule.allow else denied, rule.name, arguments)
    return builder


def _custom(capabilities: frozenset[int], text: str) -> FilterBuilder:
    from runtime.security.profiledocument import parse_profile  # only who has one pays for it

    profile, machine = parse_profile(text), _machine()
    builder = FilterBuilder(profile.default, profile.further_architectures(machine))
    for rule in profile.rules_for(capabilities, machine):
        for name in rule.names:
            for arguments in rule.alternatives():
                builder.add(rule.action, name, arguments)
    return builder


def _machine() -> Machine:
    found = os.uname()
    return Machine.of(found.machine, found.release)


@functools.cache
def cached_filter(
    directory: Path, capabilities: frozenset[int], profile: str | None = None
) -> bytes:
    """`compile_filter`, kept in a directory that only its owner may write to.

    Raises StartError.
    """
    key = _key(capabilities, profile)
    path = directory / f"seccomp-{key.hex()}"
    try:
        program = _read(path, key)
        if program is None:
            program = compile_filter(capabilities, profile)
            _write(path, _digest(key, program) + program)
    except OSError as error:
        raise StartError(f"keep the seccomp filter at {path}: {error.strerror}") from error
    return program


def _key(capabilities: frozenset[int], profile: str | None) -> bytes:
    # Rules of a profile's own count for some capabilities and kernels, and not for others.
    own = rules(capabilities) if profile is None else (profile, sorted(capabilities), _machine())
    sources = (own, RECENT_NUMBERS, version(), os.uname().machine)
    return hashlib.sha256(repr(sources).encode()).digest()[:16]


def _digest(key: bytes, program: bytes) -> bytes:
    return hashlib.sha256(key + program).digest()


def _read(path: Path, key: bytes) -> bytes | None:
    """The program in a file; None where there is no file or it is not whole."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    digest, program = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if not program or len(content) > _LARGEST or digest != _digest(key, program):
        return None
    return program


def _write(path: Path, content: bytes) -> None:
    """Rename a complete file into place: another process may be reading or writing it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(content)
        scratch.rename(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
