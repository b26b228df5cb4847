"""The parts of a template: text, values that are put in, and what is repeated or left out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

from attrs import define, frozen

from runtime.nearest import did_you_mean
from supervisor.cli.templatefunctions import FUNCTIONS, TemplateError

_ACTION = re.compile(
    r"(?P<before>\s*\{\{- |\{\{)"
    r"(?P<inside>(?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|/\*.*?\*/|(?! -\}\}|\}\}).)*)"
    r"(?P<after> -\}\}\s*|\}\})",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s+|(?P<string>\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|(?P<number>-?[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<path>\$?\w*(?:\.\w+)+|\$\w*|\.)|(?P<word>\w+)|(?P<sign>:=|\)(?:\.\w+)*|[|(,])"
)
_CONSTANTS = {"true": True, "false": False, "nil": None}
_ESCAPES = {r"\t": "\t", r"\n": "\n"}


@frozen
class Constant:
    """A value that stands in the template."""

    value: object


@frozen
class Path:
    """Parts of `root`: of what is looked at, for ``.``, of a variable, or of what comes out."""

    root: str | Pipeline
    names: tuple[str, ...]


@frozen
class Function:
    """One of the functions."""

    name: str


Operand: TypeAlias = "Constant | Path | Function"
Command: TypeAlias = tuple[Operand, ...]


@frozen
class Pipeline:
    """Commands, each with what comes out of the one before as its last argument."""

    commands: tuple[Command, ...]


@frozen
class Put:
    """What comes out is put into the text, or kept in the variable `name`."""

    value: Pipeline
    name: str | None


@frozen
class Block:
    """`body` for what comes out, once or for each part of it; `otherwise` where that is nothing."""

    kind: str
    """One of if, range and with."""
    names: tuple[str, ...]
    value: Pipeline
    body: tuple[Part, ...]
    otherwise: tuple[Part, ...]


Part: TypeAlias = "str | Put | Block"


def parse(template: str) -> tuple[Part, ...]:
    """The parts of a template. Raises TemplateError."""
    for written, meant in _ESCAPES.items():
        template = template.replace(written, meant)
    reader = _Blocks([*_pieces(template)])
    parts, end = reader.until_end()
    if end is not None:
        raise TemplateError(f"{{{{{end}}}}} ends nothing")
    return parts


def _pieces(template: str) -> Iterator[tuple[bool, str]]:
    """Texts and actions in turn; True for an action."""
    position = 0
    for action in _ACTION.finditer(template):
        yield False, _text(template[position : action.start()])
        if not action["inside"].strip().startswith("/*"):
            yield True, action["inside"].strip()
        position = action.end()
    yield False, _text(template[position:])


def _text(text: str) -> str:
    if "{{" in text:
        raise TemplateError("an action is not closed: }} is missing")
    return text


@define
class _Blocks:
    pieces: list[tuple[bool, str]]

    def until_end(self) -> tuple[tuple[Part, ...], str | None]:
        """The parts up to ``end`` or ``else``, and which of them it was; None for the very end."""
        parts: list[Part] = []
        while self.pieces:
            is_action, text = self.pieces.pop(0)
            if not is_action:
                parts.append(text)
                continue
            word, _, rest = text.partition(" ")
            if word in ("end", "else"):
                return (*parts,), text
            if word in ("if", "range", "with"):
                parts.append(self._block(word, rest))
            else:
                names, value = _assigned(text)
                if len(names) > 1:
                    raise TemplateError(f"{{{{{text}}}}} has too many variables")
                parts.append(Put(value, names[0] if names else None))
        return (*parts,), None

    def _block(self, kind: str, text: str) -> Block:
        names, value = _assigned(text)
        body, end = self.until_end()
        otherwise: tuple[Part, ...] = ()
        if end is not None and end.startswith("else "):
            # It has no end of its own.
            inner, _, rest = end.removeprefix("else ").strip().partition(" ")
            if inner != kind or kind == "range":
                raise TemplateError(f"{{{{{end}}}}} is not understood")
            return Block(kind, names, value, body, (self._block(inner, rest),))
        if end == "else":
            otherwise, end = self.until_end()
        if end != "end":
            raise TemplateError(f"{{{{{kind} {text}}}}} has no {{{{end}}}}")
        return Block(kind, names, value, body, otherwise)


def _assigned(text: str) -> tuple[tuple[str, ...], Pipeline]:
    """The variables in front of ``:=``, and what they are to be."""
    tokens = [*_tokens(text)]
    names = []
    if ("sign", ":=") in tokens:
        place = tokens.index(("sign", ":="))
        names = [word for kind, word in tokens[:place] if kind == "path" and word[:1] == "$"]
        tokens = tokens[place + 1 :]
    operands = _Operands(text, tokens)
    value = operands.pipeline()
    if operands.tokens:
        raise TemplateError(f"{{{{{text}}}}} is not understood")
    return (*names,), value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise TemplateError(f"{{{{{text}}}}} is not understood at {text[position:]!r}")
        position = match.end()
        if match.lastgroup is not None:
            yield match.lastgroup, match[0]


@define
class _Operands:
    text: str
    tokens: list[tuple[str, str]]

    def pipeline(self) -> Pipeline:
        """Commands up to the end, or to a bracket that closes."""
        commands = [self._command()]
        while self.tokens and self.tokens[0] == ("sign", "|"):
            self.tokens.pop(0)
            commands.append(self._command())
        return Pipeline((*commands,))

    def _command(self) -> Command:
        operands: list[Operand] = []
        while self.tokens and not (self.tokens[0][0] == "sign" and self.tokens[0][1] != "("):
            operands.append(self._operand(*self.tokens.pop(0)))
        if not operands:
            raise TemplateError(f"{{{{{self.text}}}}}: a value is missing")
        return (*operands,)

    def _operand(self, kind: str, word: str) -> Operand:
        match kind:
            case "string":
                return Constant(_unquoted(word))
            case "number":
                return Constant(float(word) if "." in word else int(word))
            case "path":
                root, *names = word.split(".")
                return Path(root or ".", (*filter(None, names),))
            case "word" if word in _CONSTANTS:
                return Constant(_CONSTANTS[word])
            case "word" if word in FUNCTIONS:
                return Function(word)
            case "word":
                raise TemplateError(f"there is no function {word}{did_you_mean(word, FUNCTIONS)}")
        inner = self.pipeline()
        if not self.tokens or not self.tokens[0][1].startswith(")"):
            raise TemplateError(f"{{{{{self.text}}}}}: a bracket is not closed")
        return Path(inner, (*self.tokens.pop(0)[1].split(".")[1:],))


def _unquoted(word: str) -> str:
    if word.startswith("`"):
        return word[1:-1]
    try:
        return str(json.loads(word, strict=False))
    except ValueError as error:
        raise TemplateError(f"{word} is no text: {error}") from error
