"""Lines in a form of the user's own: text with ``{{.Field}}`` in it, as Docker has it. Pure.

Of Go's templates it knows fields, variables, brackets, pipelines, ``if``, ``range``, ``with`` and
the functions of `templatefunctions`; not the definition of other templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from runtime.nearest import did_you_mean
from supervisor.cli.templatefunctions import FUNCTIONS, TemplateError, text_of
from supervisor.cli.templateparts import (
    Block,
    Command,
    Constant,
    Function,
    Operand,
    Part,
    Path,
    Pipeline,
    Put,
    parse,
)

__all__ = ["TemplateError", "columns_of", "render"]


def columns_of(template: str) -> list[str]:
    r"""The columns of ``table {{.ID}}\t{{.Names}}``, each a template; none where it is no table."""
    kind, blank, columns = template.partition(" ")
    if kind != "table" or not blank:
        return []
    return columns.replace(r"\t", "\t").split("\t")


def render(template: str, values: Mapping[str, Any]) -> str:
    """The template with these values in it. Raises TemplateError."""
    try:
        return "".join(_View(values, {"$": values}).texts(parse(template)))
    except RecursionError as error:
        raise TemplateError("it goes too deep") from error


@frozen
class _View:
    """What ``.`` is, and the variables."""

    dot: Any
    variables: dict[str, Any]

    def texts(self, parts: Sequence[Part]) -> Iterator[str]:
        """What parts come to, piece by piece. Raises TemplateError."""
        for part in parts:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Block):
                yield from self._block(part)
            else:
                yield self._put(part)

    def _put(self, part: Put) -> str:
        value = self._pipeline(part.value)
        if part.name is None:
            return text_of(value)
        self.variables[part.name] = value
        return ""

    def _block(self, block: Block) -> Iterator[str]:
        value = self._pipeline(block.value)
        if not value:
            yield from _View(self.dot, {**self.variables}).texts(block.otherwise)
        elif block.kind == "range":
            for key, each in _each(value):
                named = zip(block.names[::-1], (each, key), strict=False)
                yield from _View(each, {**self.variables, **dict(named)}).texts(block.body)
        else:
            variables = {**self.variables, **dict.fromkeys(block.names, value)}
            dot = value if block.kind == "with" else self.dot
            yield from _View(dot, variables).texts(block.body)

    def _pipeline(self, pipeline: Pipeline) -> Any:
        value, *rest = pipeline.commands
        result = self._command(value, [])
        for command in rest:
            result = self._command(command, [result])
        return result

    def _command(self, command: Command, piped: Sequence[Any]) -> Any:
        head, *others = command
        arguments = [*map(self._value, others), *piped]
        if isinstance(head, Function):
            return _called(head.name, arguments)
        if isinstance(head, Path) and head.names[-1:] == ("Label",) and len(arguments) == 1:
            return _label(self._value(Path(head.root, head.names[:-1])), str(arguments[0]))
        if arguments:
            raise TemplateError(f"{text_of(self._value(head))!r} is no function")
        return self._value(head)

    def _value(self, operand: Operand) -> Any:
        if isinstance(operand, Constant):
            return operand.value
        if isinstance(operand, Function):
            return _called(operand.name, [])
        if isinstance(operand.root, Pipeline):
            value = self._pipeline(operand.root)
        elif operand.root == ".":
            value = self.dot
        elif operand.root in self.variables:
            value = self.variables[operand.root]
        else:
            raise TemplateError(f"there is no variable {operand.root}")
        for name in operand.names:
            value = _field(value, name)
        return value


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        known = value if isinstance(value, Mapping) else ()
        raise TemplateError(f"there is no field {name}{did_you_mean(name, [*known])}")
    return value[name]


def _label(value: Any, name: str) -> Any:
    """One of the labels; over a column, where they are none, its name."""
    labels = _field(value, "labels")
    return labels.get(name, "") if isinstance(labels, Mapping) else name


def _each(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return iter(sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return iter(enumerate(value))
    raise TemplateError(f"range: {text_of(value)!r} has no parts")


def _called(name: str, arguments: Sequence[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, IndexError) as error:
        told = ", ".join(repr(text_of(argument)) for argument in arguments) or "nothing"
        raise TemplateError(f"{name} does not go with {told}") from error
