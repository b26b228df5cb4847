"""Variables in the strings of a jobs file: ``${NAME}``, with Compose's defaults and errors.

Only the braced form is replaced. ``$NAME``, ``$1``, ``$?`` and ``$(...)`` are left as they are, for
the shell that a string command runs in; ``$$`` is one dollar sign, so ``$${NAME}`` reaches that
shell as ``${NAME}``. The variables are passed in; nothing here reads the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from supervisor.faults import Fault
from supervisor.problems import KeyPath

_DOLLAR = re.compile(r"\$\$|\$\{")
_BRACE = re.compile(r"\$\$|\$\{|\}")
_EXPRESSION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(.*))?", re.DOTALL)


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replace the variables of one string; raises ValueError for one that has no value.

    ``${A:-x}`` is x where A is unset or empty, ``${A:?x}`` the error x there, and ``${A:+x}`` is
    x where A has a value; without the colon an empty A counts as a value. x is itself replaced.
    """
    parts = []
    position = 0
    while match := _DOLLAR.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        if match.group() == "$$":
            parts.append("$")
        else:
            end = _closing_brace(text, position)
            parts.append(_evaluate(text[position:end], variables))
            position = end + 1
    return "".join([*parts, text[position:]])


def _closing_brace(text: str, position: int) -> int:
    depth = 1
    for match in _BRACE.finditer(text, position):
        depth += {"$$": 0, "${": 1, "}": -1}[match.group()]
        if depth == 0:
            return match.start()
    raise ValueError("'${' has no closing brace; write '$$' for a dollar sign")


def _evaluate(expression: str, variables: Mapping[str, str]) -> str:
    match = _EXPRESSION.fullmatch(expression)
    if not match:
        raise ValueError(
            f"{'${' + expression + '}'!r} is not a variable; write '$$' to keep it for the shell"
        )
    name, operator, argument = match.groups()
    value = variables.get(name)
    if operator is None:
        if value is None:
            raise ValueError(
                f"variable {name} is not set; give a default with ${{{name}:-default}}"
                f" or write $${{{name}}} to keep it for the shell"
            )
        return value
    has_value = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return substitute(argument, variables) if has_value else ""
    if has_value:
        return value or ""
    if operator.endswith("?"):
        cause = substitute(argument, variables) or "it is not set"
        raise ValueError(f"variable {name} is required: {cause}")
    return substitute(argument, variables)


def substitute_all(
    value: object, variables: Mapping[str, str], path: KeyPath, faults: list[Fault]
) -> object:
    """A copy of a document's value with every string in it replaced; adds what fails to `faults`.

    A string that fails is left as it stands. Keys are names and are never replaced.
    """
    if isinstance(value, dict):
        return {
            key: substitute_all(entry, variables, (*path, key), faults)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [
            substitute_all(entry, variables, (*path, position), faults)
            for position, entry in enumerate(value)
        ]
    if isinstance(value, str):
        # TOML can write a NUL as \u0000; no path, argument or name of the kernel can hold one.
        if "\0" in value:
            faults.append(Fault(path, "contains a NUL character"))
            return value
        try:
            return substitute(value, variables)
        except ValueError as error:
            faults.append(Fault(path, str(error)))
    return value
