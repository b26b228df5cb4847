"""What a template may do with values: Docker's functions, and those of Go's that it has. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_VERB = re.compile(r"%([-+0 #]*\d*(?:\.\d+)?)([a-zA-Z%])")


class TemplateError(Exception):
    """The template cannot be used."""


def text_of(value: object) -> str:
    """A value as it is put into the text; what has parts is JSON, and what is not there empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (Mapping, list, tuple)) else str(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key, "")
        elif isinstance(value, (list, tuple)) and isinstance(key, int):
            if not 0 <= key < len(value):
                raise TemplateError(f"index: there is no {key}: there are {len(value)}")
            value = value[key]
        else:
            raise TemplateError(f"index: {text_of(value)!r} has no parts by {text_of(key)!r}")
    return value


def _join(values: Sequence[Any], separator: str) -> str:
    return separator.join(map(text_of, values))


def _printf(form: str, *values: Any) -> str:
    rest = list(values)

    def put(verb: re.Match[str]) -> str:
        flags, letter = verb.groups()
        if letter == "%":
            return "%"
        if not rest:
            raise TemplateError(f"printf: there is no value for {verb[0]}")
        value = rest.pop(0)
        if letter == "q":
            return json.dumps(text_of(value))
        if letter in "vst":
            return f"%{flags}s" % text_of(value)
        if letter not in "dxXof" or not isinstance(value, (int, float)):
            raise TemplateError(f"printf: {verb[0]} does not go with {text_of(value)!r}")
        return str(f"%{flags}{letter}" % value)

    return _VERB.sub(put, form)


def _truncate(value: Any, length: int) -> str:
    return text_of(value)[:length]


def _pad(value: Any, before: int, after: int) -> str:
    return f"{' ' * before}{text_of(value)}{' ' * after}"


def _and(*values: Any) -> Any:
    return next((value for value in values if not value), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if value), values[-1])


def _println(*values: Any) -> str:
    return " ".join(map(text_of, values)) + "\n"


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "and": _and,
    "eq": lambda first, *others: any(first == other for other in others),
    "ge": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "index": _index,
    "join": _join,
    "json": json.dumps,
    "le": lambda one, other: one <= other,
    "len": len,
    "lower": lambda value: text_of(value).lower(),
    "lt": lambda one, other: one < other,
    "ne": lambda one, other: one != other,
    "not": lambda value: not value,
    "or": _or,
    "pad": _pad,
    "print": lambda *values: "".join(map(text_of, values)),
    "printf": _printf,
    "println": _println,
    "split": lambda value, separator: text_of(value).split(separator),
    "title": lambda value: text_of(value).title(),
    "truncate": _truncate,
    "upper": lambda value: text_of(value).upper(),
}
