"""Lines in a form of the user's own: text with ``{{.Field}}`` in it, as Docker has it. Pure.

Of Go's templates only fields, ``{{json .}}`` and ``{{json .Field}}`` are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from runtime.nearest import did_you_mean

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"\s*(json\s+)?\.((?:\w+(?:\.\w+)*)?)\s*")
_ESCAPES = {r"\t": "\t", r"\n": "\n"}


class TemplateError(Exception):
    """The template cannot be used."""


def columns_of(template: str) -> list[str]:
    r"""The columns of ``table {{.ID}}\t{{.Names}}``, each a template; none where it is no table."""
    kind, blank, columns = template.partition(" ")
    if kind != "table" or not blank:
        return []
    return columns.replace(r"\t", "\t").split("\t")


def render(template: str, values: Mapping[str, Any]) -> str:
    """The template with these values in it. Raises TemplateError."""
    for written, meant in _ESCAPES.items():
        template = template.replace(written, meant)
    if "{{" in _ACTION.sub("", template):
        raise TemplateError("an action is not closed: }} is missing")
    return _ACTION.sub(lambda action: _value(action[1], values), template)


def _value(action: str, values: Mapping[str, Any]) -> str:
    match = _FIELD.fullmatch(action)
    if match is None or (not match[1] and not match[2]):
        raise TemplateError(f"{{{{{action}}}}} is not understood: only fields and json are")
    value: Any = values
    for name in filter(None, match[2].split(".")):
        if not isinstance(value, Mapping) or name not in value:
            known = value if isinstance(value, Mapping) else ()
            raise TemplateError(f"there is no field {name}{did_you_mean(name, [*known])}")
        value = value[name]
    if match[1] or isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
