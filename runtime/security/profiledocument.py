"""Reads a seccomp profile: JSON as Docker and Podman take it for ``--security-opt seccomp=FILE``.

Pure. What is wrong is told with its place in the document, ``syscalls[2].args[0].op``; nothing that
is not known is passed over, for it may be what was to be forbidden. Only names of system calls are
not looked up: a profile may know calls that the library, or the machine, does not.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, cast

from runtime.nearest import did_you_mean
from runtime.security.capabilities import parse_capability
from runtime.security.customprofile import (
    ARCHITECTURES,
    Action,
    Argument,
    Condition,
    CustomProfile,
    SyscallRule,
)

T = TypeVar("T")

WITH_DATA = {"SCMP_ACT_ERRNO": 4095, "SCMP_ACT_TRACE": 0xFFFF}
"""Actions that a number goes with, and the largest that the kernel passes on."""
_ACTIONS = (
    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
)  # fmt: skip
_OPERATORS = (
    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
    "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
)  # fmt: skip
_ARCHITECTURES = tuple(
    f"SCMP_ARCH_{name}"
    for name in (
        "AARCH64", "ARM", "LOONGARCH64", "M68K", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL",
        "MIPSEL64", "MIPSEL64N32", "PARISC", "PARISC64", "PPC", "PPC64", "PPC64LE", "RISCV64",
        "S390", "S390X", "SH", "SHEB", "X32", "X86", "X86_64",
    )
)  # fmt: skip

_PROFILE_KEYS = (
    "defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls",
    "flags", "listenerPath", "listenerMetadata",
)  # fmt: skip
_SYSCALL_KEYS = (
    "names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes", "comment",
)  # fmt: skip
_NOT_HERE = {
    "flags": "flags of the filter cannot be set",
    "listenerPath": "nothing listens to a filter here",
    "listenerMetadata": "nothing listens to a filter here",
}
"""Keys of the OCI's that a profile may leave empty."""

_OF_THE_START = frozenset(
    {
        "capset", "chdir", "close_range", "getcwd", "prctl", "setresgid", "setresuid",
    }
)  # fmt: skip
"""Calls by which a command that is filtered already is confined further before it is executed."""
_PRETENCE = Action("SCMP_ACT_ERRNO", 0)
"""Errno 0 is success: the call seems to be made, and is not."""
_CALL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KERNEL = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_LARGEST = 2**64 - 1
_TYPE_NAMES = {
    bool: "true or false", int: "a whole number", float: "a number with a fraction",
    str: "a string", list: "an array", dict: "an object",
}  # fmt: skip


def parse_profile(text: str) -> CustomProfile:
    """The profile in a text. Raises ValueError with the place in the document and the cause."""
    return _profile(_document(text))


def compact_profile(text: str) -> str:
    """The same profile in one line, as it is kept, after a look at all of it. Raises ValueError."""
    document = _document(text)
    _profile(document)
    return json.dumps(document, separators=(",", ":"))


def _document(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        cause = error.msg[:1].lower() + error.msg[1:]
        raise ValueError(
            f"is not JSON: line {error.lineno}, column {error.colno}: {cause}"
        ) from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _distinct(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return table


def _profile(document: object) -> CustomProfile:
    table = _object(document, "", _PROFILE_KEYS)
    for key, why in _NOT_HERE.items():
        if table.get(key):
            raise _wrong(key, why)
    if "defaultAction" not in table:
        raise ValueError("needs the key defaultAction")
    if table.get("architectures") and table.get("archMap"):
        raise _wrong("archMap", "is there beside architectures: use one of the two")
    default = _action(table, "", "defaultAction", "defaultErrnoRet", "defaultErrno")
    if default == _PRETENCE:
        raise _wrong("defaultErrnoRet", "0 would make all calls seem to succeed")
    return CustomProfile(
        default=default,
        architectures=_each(table, "", "architectures", _architecture),
        families=_each(table, "", "archMap", _family),
        rules=_each(table, "", "syscalls", _rule),
    )


def _family(value: object, path: str) -> tuple[str, tuple[str, ...]]:
    table = _object(value, path, ("architecture", "subArchitectures"))
    head = _architecture(table.get("architecture"), f"{path}.architecture")
    return head, _each(table, path, "subArchitectures", _architecture)


def _rule(value: object, path: str) -> SyscallRule:
    table = _object(value, path, _SYSCALL_KEYS)
    if table.get("name") and table.get("names"):
        raise _wrong(f"{path}.name", "is there beside names: use one of the two")
    for key, other in (("names", "name"), ("action", "action")):
        if key not in table and other not in table:
            raise _wrong(path, f"needs the key {key}")
    names = _each(table, path, "names", _call)
    if table.get("name"):
        names = (_call(table["name"], f"{path}.name"),)
    action = _action(table, path, "action", "errnoRet", "errno")
    if action == _PRETENCE and (lied_about := sorted(_OF_THE_START.intersection(names))):
        why = f"0 would make {lied_about[0]} seem to succeed, by which a command is confined"
        raise _wrong(f"{path}.errnoRet", why)
    return SyscallRule(
        names=names,
        action=action,
        arguments=_each(table, path, "args", _argument),
        includes=_condition(table, path, "includes"),
        excludes=_condition(table, path, "excludes"),
    )


def _action(table: dict[str, Any], path: str, key: str, number: str, name: str) -> Action:
    """An action with its errno by number, or by name as Podman has it, which wins there."""
    word = _word(table[key], _below(path, key), _ACTIONS)
    if word == "SCMP_ACT_NOTIFY":
        raise _wrong(_below(path, key), f"{word} wants a program that listens, and there is none")
    given = [each for each in (number, name) if table.get(each, "") != ""]
    if given and word not in WITH_DATA:
        raise _wrong(_below(path, given[0]), f"means nothing to {word}")
    data = errno.EPERM
    if number in table:
        data = _number(table[number], _below(path, number), WITH_DATA.get(word, 0))
    if table.get(name, "") != "":
        known = {text: code for code, text in errno.errorcode.items()}
        data = known[_word(table[name], _below(path, name), known)]
    return Action(word, data if word in WITH_DATA else 0)


def _argument(value: object, path: str) -> Argument:
    table = _object(value, path, ("index", "value", "valueTwo", "op"))
    for key in ("index", "op"):
        if key not in table:
            raise _wrong(path, f"needs the key {key}")
    return Argument(
        index=_number(table["index"], f"{path}.index", 5),
        operator=_word(table["op"], f"{path}.op", _OPERATORS),
        value=_number(table.get("value", 0), f"{path}.value", _LARGEST),
        second=_number(table.get("valueTwo", 0), f"{path}.valueTwo", _LARGEST),
    )


def _condition(table: dict[str, Any], path: str, key: str) -> Condition:
    path = f"{path}.{key}"
    inner = _object(table.get(key, {}), path, ("caps", "arches", "minKernel"))
    return Condition(
        capabilities=frozenset(_each(inner, path, "caps", _capability)),
        architectures=frozenset(
            _each(inner, path, "arches", lambda value, at: _word(value, at, ARCHITECTURES))
        ),
        kernel=_kernel(inner.get("minKernel", ""), f"{path}.minKernel"),
    )


def _capability(value: object, path: str) -> int:
    name = _typed(value, path, str)
    try:
        return parse_capability(name)
    except ValueError as error:
        raise _wrong(path, str(error)) from error


def _kernel(value: object, path: str) -> tuple[int, int] | None:
    text = _typed(value, path, str)
    found = _KERNEL.fullmatch(text)
    if text and found is None:
        raise _wrong(path, f"{text!r} is not the version of a kernel such as '5.10'")
    return None if found is None else (int(found[1]), int(found[2]))


def _call(value: object, path: str) -> str:
    name = _typed(value, path, str)
    if not _CALL.fullmatch(name):
        raise _wrong(path, f"{name!r} is not the name of a system call")
    return name


def _architecture(value: object, path: str) -> str:
    return _word(value, path, _ARCHITECTURES)


def _object(value: object, path: str, known: Collection[str]) -> dict[str, Any]:
    """The keys of an object that have a value: null is the same as nothing, as Docker has it."""
    table = cast(dict[str, Any], _typed(value, path, dict))
    for key in table:
        if key not in known:
            raise _wrong(_below(path, key), f"unknown key{did_you_mean(key, known)}")
    return {key: each for key, each in table.items() if each is not None}


def _each(
    table: dict[str, Any], path: str, key: str, read: Callable[[object, str], T]
) -> tuple[T, ...]:
    path = _below(path, key)
    entries = cast(list[object], _typed(table.get(key, []), path, list))
    return tuple(read(entry, f"{path}[{at}]") for at, entry in enumerate(entries))


def _word(value: object, path: str, known: Collection[str]) -> str:
    text = _typed(value, path, str)
    if text not in known:
        few = f" is not one of {', '.join(known)}" if len(known) < 10 else " is not known"
        raise _wrong(path, f"{text!r}{few}{did_you_mean(text, known)}")
    return text


def _number(value: object, path: str, most: int) -> int:
    number = _typed(value, path, int)
    if not 0 <= number <= most:
        raise _wrong(path, f"{number} is not between 0 and {most}")
    return number


def _typed(value: object, path: str, wanted: type[T]) -> T:
    if type(value) is not wanted:
        found = _TYPE_NAMES.get(type(value), "null")
        raise _wrong(path, f"must be {_TYPE_NAMES[wanted]}, not {found}")
    return value


def _below(path: str, key: str) -> str:
    shown = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
    return f"{path}.{shown}" if path else shown


def _wrong(path: str, problem: str) -> ValueError:
    return ValueError(f"{path}: {problem}" if path else problem)
