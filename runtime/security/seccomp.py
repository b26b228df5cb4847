"""Seccomp programs for containers, compiled once for each set of capabilities.

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
from runtime.security.libseccomp import FilterBuilder, version
from runtime.security.profile import RECENT_NUMBERS, rules

_INSTRUCTION_SIZE = 8
_DIGEST_SIZE = hashlib.sha256().digest_size
_LARGEST = 4096 * _INSTRUCTION_SIZE + _DIGEST_SIZE
"""The kernel takes programs of up to 4096 instructions (BPF_MAXINSNS)."""


@functools.cache
def compile_filter(capabilities: frozenset[int]) -> bytes:
    """The program for a container with these capabilities. Raises StartError."""
    builder = FilterBuilder(unknown=errno.ENOSYS, denied=errno.EPERM)
    for rule in rules(capabilities):
        number = builder.resolve(rule.name)
        if number is None:
            number = RECENT_NUMBERS.get(rule.name)
        if number is not None:
            builder.add(rule.allow, number, rule.comparison)
    return builder.program()


@functools.cache
def cached_filter(directory: Path, capabilities: frozenset[int]) -> bytes:
    """`compile_filter`, kept in a directory that only its owner may write to.

    Raises StartError.
    """
    key = _key(capabilities)
    path = directory / f"seccomp-{key.hex()}"
    try:
        program = _read(path, key)
        if program is None:
            program = compile_filter(capabilities)
            _write(path, _digest(key, program) + program)
    except OSError as error:
        raise StartError(f"keep the seccomp filter at {path}: {error.strerror}") from error
    return program


def _key(capabilities: frozenset[int]) -> bytes:
    sources = (rules(capabilities), RECENT_NUMBERS, version(), os.uname().machine)
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
