"""One reader for each kind of value in jobs.toml: what TOML gave in, the checked value out.

A reader raises ValueError or TypeError with a message that says what was given and what is
accepted, or `Refused` where a list or a table has more than one fault. None of them looks at the
host; what they need to know of it is an argument.
"""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar, cast

from runtime.images.naming import is_image_name
from runtime.nearest import did_you_mean
from runtime.spec import ENVIRONMENT_NAME
from runtime.units import parse_cpu_list, parse_duration, parse_size
from supervisor.faults import read_each
from supervisor.mounts import host_path, is_marked_path
from supervisor.policies import Condition, RestartKind, RestartPolicy

T = TypeVar("T")

NUMBER = re.compile(r"0|[1-9][0-9]*")
"""A whole number in the one form that it has."""

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_REALTIME = re.compile(r"SIGRT(MIN|MAX)([+-])([0-9]{1,2})")

_NOT_FORWARDED = {
    "means something to the supervisor itself": (
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD,
        signal.SIGPIPE,
    ),
    "cannot be caught": (signal.SIGKILL, signal.SIGSTOP, 32, 33),  # two are the C library's own
    "tells of a fault of the process itself": (
        signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS,
        signal.SIGTRAP,
    ),
}  # fmt: skip

_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number with a fraction",
    str: "a string",
    list: "a list",
    dict: "a table",
}


def type_name(value: object) -> str:
    """What a TOML value is, in words."""
    return _TYPE_NAMES.get(type(value), "a date or time")


def expect(value: object, wanted: type[T]) -> T:
    """The value itself if it has exactly this TOML type; true and false are not numbers."""
    if type(value) is not wanted:
        raise TypeError(f"must be {_TYPE_NAMES[wanted]}, not {type_name(value)}")
    return value


def refusal(value: object, accepted: str) -> TypeError:
    """The error for a value of the wrong type where more than one is accepted."""
    return TypeError(f"must be {accepted}, not {type_name(value)}")


def read_items(value: object, read: Callable[[object], T]) -> tuple[T, ...]:
    """Every entry of a list."""
    entries = cast(list[object], expect(value, list))
    return tuple(read_each(enumerate(entries), lambda _, entry: read(entry)).values())


def read_entries(value: object, read: Callable[[str, object], T]) -> dict[str, T]:
    """Every entry of a table; `read` gets its name too, and may refuse that."""
    return read_each(cast(dict[str, object], expect(value, dict)).items(), read)


def read_text(value: object) -> str:
    """A string."""
    return expect(value, str)


def read_project(value: object) -> str:
    """The name of a project, as Compose has it, and short enough to begin a container's id."""
    text = read_text(value)
    if not _PROJECT.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a project name: at most 50 lower-case letters, digits, '-' and '_',"
            " a letter or digit first"
        )
    return text


def read_number(value: object, least: float, most: float) -> float:
    """A number, whole or not, within bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise refusal(value, "a number")
    if not least <= value <= most:
        raise ValueError(f"{value} is not between {least:g} and {most:g}")
    return float(value)


def read_whole(value: object) -> int:
    """A whole number."""
    return expect(value, int)


def read_flag(value: object) -> bool:
    """True or false; no other value counts as either."""
    return expect(value, bool)


def read_timeout(value: object) -> float:
    """A duration above zero."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("is zero; leave it out for no limit")
    return seconds


def read_positive(value: object) -> int:
    """A whole number of 1 or more."""
    number = expect(value, int)
    if number < 1:
        raise ValueError(f"{number} is below 1")
    return number


def read_not_negative(value: object) -> int:
    """A whole number of 0 or more."""
    number = expect(value, int)
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return number


def read_swap_size(value: object) -> int:
    """A size, or -1 for no limit."""
    return -1 if value == -1 else parse_size(value)


def read_command(value: object) -> tuple[str, ...]:
    """The words of a command; a string is one argument of the shell."""
    if isinstance(value, str):
        return ("/bin/sh", "-c", _not_empty(value))
    if isinstance(value, list):
        return _filled(read_items(value, read_text))
    raise refusal(value, "a list or a string")


def read_health_test(value: object) -> tuple[str, ...]:
    """The words of a test, in Compose's form."""
    if isinstance(value, str):
        return read_command(value)
    if not isinstance(value, list):
        raise refusal(value, "a list or a string")
    kind, *words = read_items(value, read_text) or ("",)
    if kind == "CMD":
        return _filled(tuple(words))
    if kind == "CMD-SHELL" and len(words) == 1:
        return read_command(words[0])
    raise ValueError(
        "a list begins with 'CMD' and goes on with the words of a command,"
        " or is 'CMD-SHELL' and one string for the shell; for no test there is disable = true"
    )


def read_words(value: object) -> tuple[str, ...]:
    """The words of a list, or of a string that is split as a shell splits it."""
    if isinstance(value, str):
        try:
            return _filled(tuple(shlex.split(value)))
        except ValueError as error:
            raise ValueError(f"{value!r}: {str(error).lower()}") from error
    if isinstance(value, list):
        return _filled(read_items(value, read_text))
    raise refusal(value, "a list or a string")


def _filled(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("is empty")
    return words


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def read_image(value: object, base: str) -> str:
    """``host``, an image of the store as it stands, or a directory made absolute."""
    text = read_text(value)
    if text == "host":
        return text
    if is_marked_path(text):
        return host_path(base, text)
    if not is_image_name(text):
        raise ValueError(
            f"{text!r} is not an image: 'host', a reference such as 'busybox:1.36', or a directory,"
            " which starts with '/', './' or '../'"
        )
    return text


def read_paths(value: object, base: str) -> tuple[str, ...]:
    """One path on the host, or a list of them, made absolute."""
    if isinstance(value, str):
        return (host_path(base, value),)
    if isinstance(value, list):
        return read_items(value, lambda entry: host_path(base, read_text(entry)))
    raise refusal(value, "a list or a string")


def read_variables(value: object, own: Mapping[str, str]) -> dict[str, str]:
    """Variables of a table or list; a bare name in a list is taken from `own`, if it is there."""
    if isinstance(value, list):
        return dict(
            pair for pair in read_items(value, lambda entry: _read_variable(entry, own)) if pair
        )
    if isinstance(value, dict):
        return read_entries(value, _read_named_variable)
    raise refusal(value, "a table or a list")


def _read_named_variable(name: str, value: object) -> str:
    _check_variable(name)
    return read_scalar(value)


def _read_variable(entry: object, own: Mapping[str, str]) -> tuple[str, str] | None:
    name, equals, text = read_text(entry).partition("=")
    _check_variable(name)
    if equals:
        return name, text
    return (name, own[name]) if name in own else None


def _check_variable(name: str) -> None:
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a variable")


def read_labels(value: object) -> dict[str, str]:
    """Labels of a table or list; a bare name in a list has an empty text."""
    if isinstance(value, list):
        return dict(read_items(value, _read_label))
    if isinstance(value, dict):
        return read_entries(value, lambda _, text: read_scalar(text))
    raise refusal(value, "a table or a list")


def _read_label(entry: object) -> tuple[str, str]:
    name, _, text = read_text(entry).partition("=")
    if not name:
        raise ValueError(f"{entry!r} has no name")
    return name, text


def read_scalar(value: object) -> str:
    """The text of a string, a number, true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise refusal(value, "a string or a number")


def text_of_id(value: object) -> str:
    """The text of a name, or of a number in its place."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise refusal(value, "a string or a whole number")


def read_signal(value: object) -> int:
    """A signal by number or by name, with or without SIG, RTMIN+n included."""
    text = text_of_id(value)
    if text.isdecimal():
        if not (NUMBER.fullmatch(text) and 1 <= int(text) <= 64):
            raise ValueError(f"{value!r} is not a signal number between 1 and 64")
        return int(text)
    name = text.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name in signal.Signals.__members__:
        return int(signal.Signals[name])
    if match := _REALTIME.fullmatch(name):
        number = int(signal.Signals[f"SIGRT{match[1]}"]) + int(match[2] + match[3])
        if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
            return number
    known = signal.Signals.__members__
    raise ValueError(f"{value!r} is not a signal{did_you_mean(name, known)}")


def read_forwarded(value: object) -> tuple[int, ...]:
    """Signals that a supervisor can pass on."""
    return read_items(value, _read_forwarded)


def _read_forwarded(value: object) -> int:
    number = read_signal(value)
    for why, numbers in _NOT_FORWARDED.items():
        if number in numbers:
            raise ValueError(f"{value!r} {why}")
    return number


def read_exit_codes(value: object) -> tuple[int, ...]:
    """Exit codes, each between 0 and 255."""
    codes = read_items(value, _read_exit_code)
    if not codes:
        raise ValueError("is empty, and then no exit code at all would be a success")
    return codes


def _read_exit_code(value: object) -> int:
    code = expect(value, int)
    if not 0 <= code <= 255:
        raise ValueError(f"{code} is not an exit code between 0 and 255")
    return code


def read_cpu_list(value: object) -> str:
    """CPUs in the kernel's form, such as ``0-3,6``."""
    text = read_text(value)
    parse_cpu_list(text)
    return text


def read_pids_limit(value: object) -> int:
    """A number of tasks, or -1 for no limit."""
    number = expect(value, int)
    if number < 1 and number != -1:
        raise ValueError(f"{number} is neither 1 or more nor -1 for no limit")
    return number


def read_restart(value: object) -> RestartPolicy:
    """A restart policy in Docker's words."""
    text = read_text(value)
    kind, colon, count = text.partition(":")
    if kind not in list(RestartKind):
        raise ValueError(_not_among(text, [*RestartKind, "on-failure:N"]))
    if not colon:
        return RestartPolicy(kind=RestartKind(kind))
    if kind != RestartKind.ON_FAILURE or not NUMBER.fullmatch(count) or not 0 < int(count) < 10**9:
        raise ValueError(f"{text!r}: only on-failure takes a number, and it is 1 or more")
    return RestartPolicy(kind=RestartKind.ON_FAILURE, max_restarts=int(count))


def read_condition(value: object) -> Condition:
    """What is waited for in a dependency."""
    text = read_text(value)
    if text not in list(Condition):
        raise ValueError(_not_among(text, list(Condition)))
    return Condition(text)


def read_choice(value: object, choices: Collection[str]) -> str:
    """One of a few words."""
    text = read_text(value)
    if text not in choices:
        raise ValueError(_not_among(text, choices))
    return text


def _not_among(text: str, choices: Collection[str]) -> str:
    listed = ", ".join(f"{choice!s}" for choice in choices)
    return f"{text!r} is not one of {listed}{did_you_mean(text, choices)}"
