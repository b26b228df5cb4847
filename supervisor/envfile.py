r"""The lines of an env_file: ``KEY=VALUE``, comments, quotes, an optional ``export``.

That is what Compose reads; ``--env-file`` of a command takes its lines as they stand.

Values are taken as they stand: nothing is replaced in them. Single quotes keep everything
literally; double quotes know ``\n``, ``\r``, ``\t``, ``\"``, ``\$`` and ``\\``; without quotes
a value ends at the line's end or at a ``#`` after a blank.
"""

from __future__ import annotations

import re

from supervisor.problems import JobsFileError, Problem

_LINE = re.compile(r"(?:export[ \t]+)?(?P<name>[^=\s]+)[ \t]*=[ \t]*(?P<value>.*)")
_SINGLE = re.compile(r"'([^']*)'[ \t]*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "$": "$", "\\": "\\"}


def parse_env_file(text: str, file: str) -> dict[str, str]:
    """The variables of a file, the last of equal names; raises JobsFileError.

    `file` is what problems call it.
    """
    variables: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            name, value = _parse_line(stripped)
        except ValueError as error:
            problems.append(Problem(file, number, "", str(error)))
        else:
            variables[name] = value
    if problems:
        raise JobsFileError(problems)
    return variables


def parse_plain(text: str, file: str) -> list[str]:
    """The lines of a file for ``--env-file``, which Docker takes as they stand, quotes included.

    Each is ``NAME=VALUE``, or ``NAME`` for a variable that is passed on. Raises JobsFileError.
    """
    variables = []
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        start = line.removesuffix("\r").lstrip()
        if not start or start.startswith("#"):
            continue
        name = start.partition("=")[0]
        if not name or name.split() != [name]:
            # Never quoted: the line may hold a secret.
            problems.append(Problem(file, number, "", "has no name of a variable at its beginning"))
        elif "\0" in line:
            problems.append(Problem(file, number, "", "contains a NUL character"))
        else:
            variables.append(start)
    if problems:
        raise JobsFileError(problems)
    return variables


def _parse_line(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        # Never quoted: the line may hold a secret.
        raise ValueError("is not KEY=VALUE")
    if "\0" in line:
        raise ValueError("contains a NUL character")
    return match["name"], _unquote(match["value"])


def _unquote(value: str) -> str:
    if value.startswith("'"):
        if not (match := _SINGLE.fullmatch(value)):
            raise ValueError("has no closing single quote, or text after it")
        return match[1]
    if value.startswith('"'):
        if not (match := _DOUBLE.fullmatch(value)):
            raise ValueError("has no closing double quote, or text after it")
        # An unknown escape keeps its backslash, as in the shell.
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), match[1])
    return _COMMENT.sub("", value).rstrip()
