"""One step of a plan, its encoding for `init` and its text for people.

The steps and the types of their arguments are defined once, in native/plan.h; the encoding is
described in native/README.md. An `origin` says what in the specification asked for the step, so
that a failing one can be traced to the user's own words.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

from attrs import frozen

from runtime.kernel import PLAN_MAGIC, PLAN_STEPS, PLAN_VERSION

Argument: TypeAlias = int | str | bytes | tuple[str, ...] | tuple[int, ...]

RDONLY, NOSUID, NODEV, NOEXEC = 0x1, 0x2, 0x4, 0x8
"""Mount attributes, as in mount_setattr(2)."""

_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")
_STEP = struct.Struct("=II")
_HEADER = struct.Struct("=IIII")


@frozen
class Step:
    """One step: its name in native/plan.h, its arguments, and what asked for it."""

    name: str
    arguments: tuple[Argument, ...] = ()
    origin: str = ""


def _encode_bytes(value: Argument) -> bytes:
    assert isinstance(value, bytes)
    return _U32.pack(len(value)) + value


def _encode_string(value: Argument) -> bytes:
    assert isinstance(value, str)
    return _encode_bytes(value.encode("utf-8", "surrogateescape") + b"\0")


def _encode_strings(value: Argument) -> bytes:
    assert isinstance(value, tuple)
    packed = "".join(f"{item}\0" for item in value).encode("utf-8", "surrogateescape")
    return _U32.pack(len(value)) + _encode_bytes(packed)


def _encode_numbers(value: Argument) -> bytes:
    assert isinstance(value, tuple)
    return _encode_bytes(struct.pack(f"={len(value)}I", *value))


_ENCODERS: dict[str, Callable[[Argument], bytes]] = {
    "u": _U32.pack,
    "q": _U64.pack,
    "s": _encode_string,
    "b": _encode_bytes,
    "v": _encode_strings,
    "g": _encode_numbers,
}


@lru_cache(maxsize=512)
def encode_step(step: Step) -> bytes:
    """The bytes of one step; most are the same in every plan.

    Raises KeyError for a step that native/plan.h does not know.
    """
    number, types = PLAN_STEPS[step.name]
    body = b"".join(
        [_ENCODERS[kind](argument) for kind, argument in zip(types, step.arguments, strict=True)]
    )
    return _STEP.pack(number, len(body)) + body


def encode(steps: Iterable[Step]) -> bytes:
    """The whole plan as `init` reads it."""
    encoded = [encode_step(step) for step in steps]
    size = _HEADER.size + sum(map(len, encoded))
    return b"".join([_HEADER.pack(PLAN_MAGIC, PLAN_VERSION, len(encoded), size), *encoded])


_TEXTS: dict[str, str] = {
    "session": "start a session",
    "keyring": "join a new session keyring",
    "follow": "follow the mounts of {0}",
    "private_mounts": "make all mounts private",
    "cgroup_namespace": "make a cgroup namespace",
    "hostname": "set the host name to {0}",
    "loopback": "bring the loopback interface up",
    "join": "join the namespaces of the container ({0:#x})",
    "root_bind": "use {0} as the root",
    "root_mount": "mount {0} ({1}) as the root",
    "root_overlay": "mount an overlay of {0} below {1} as the root",
    "mount": "mount {0} at {4}",
    "bind": "mount {0} at {2}",
    "bind_followed": "mount {0} at {2}, and what is mounted there later",
    "mkdir": "make directory {0} (mode {1:o})",
    "symlink": "link {0} to {1}",
    "mknod": "make device {0} ({2}:{3}, mode {1:o})",
    "file": "write file {0} (mode {1:o})",
    "sysctl": "write '{1}' to {0}",
    "terminal": "make a terminal of {1} rows and {2} columns for user {0}",
    "mask": "mask {0}",
    "read_only": "make read-only {0}",
    "read_only_root": "make the root read-only",
    "pivot": "enter the new root and detach the old one",
    "init": "start the command's process; stay as PID 1",
    "process": "start the command's process beside this one",
    "foreground": "take control of the terminal",
    "rlimit": "set resource limit {0} to {1}:{2}",
    "umask": "set the umask to {0:04o}",
    "seccomp": "install the seccomp program ({0})",
    "bounding_set": "limit the capability bounding set to {0:#x}",
    "groups": "set supplementary groups {0}",
    "ids": "become user {0}, group {1}",
    "capabilities": "set capabilities to {0:#x}",
    "no_new_privileges": "set no_new_privs",
    "chdir": "enter working directory {0}",
    "exec": "execute {0}",
}

_FLAGS = {RDONLY: "ro", NOSUID: "nosuid", NODEV: "nodev", NOEXEC: "noexec"}
_ATTRIBUTES_AT = {"mount": 2, "follow": 1, "bind": 1, "bind_followed": 1}
_OPTIONS_AT = {"mount": 1}


def _readable(argument: Argument) -> Argument:
    if isinstance(argument, bytes):
        return f"{len(argument)} bytes"
    if isinstance(argument, tuple):
        return " ".join(map(str, argument)) or "none"
    return argument


def describe(step: Step) -> str:
    """What the step does, in words, with its mount options behind it."""
    text = _TEXTS[step.name].format(*map(_readable, step.arguments))
    notes: list[str] = []
    if (at := _OPTIONS_AT.get(step.name)) is not None:
        options = step.arguments[at]
        assert isinstance(options, tuple)
        notes += map(str, options)
    if (at := _ATTRIBUTES_AT.get(step.name)) is not None:
        attributes = step.arguments[at]
        assert isinstance(attributes, int)
        notes += [word for flag, word in _FLAGS.items() if attributes & flag]
    return f"{text} ({','.join(notes)})" if notes else text
