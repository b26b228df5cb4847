"""Docker's `--flag=true`, `--flag=false` and `-o=VALUE`, of which click knows nothing. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import click
from attrs import evolve, frozen

from supervisor.cli.misuse import invalid

_TRUTH = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
"""What Go takes for either."""


@frozen
class _Part:
    """Some words of a command line: an option with its value, or what is none."""

    words: Sequence[str]
    option: click.Option | None = None
    lacks_value: bool = False
    """Whether the value is the next word."""


def plain_flags(command: click.Command, words: Sequence[str]) -> list[str]:
    """The words of a command with such options as click has them: a flag is there, or it is not.

    The last of several counts. Raises click.BadOptionUsage.
    """
    parts: list[_Part] = []
    for part in _parts(command, words):
        name, equals, value = part.words[0].partition("=")
        if part.option is None or not part.option.is_bool_flag or not equals:
            parts.append(part)
            continue
        if value not in _TRUTH:
            problem = f"{invalid(value, part.option)}: neither true nor false"
            raise click.BadOptionUsage(name, problem)
        positive = _TRUTH[value] == (name in part.option.opts)
        parts = [other for other in parts if other.option is not part.option]
        names = part.option.opts if positive else part.option.secondary_opts
        parts += [_Part(names[-1:], part.option)] if names else []
    return [word for part in parts for word in part.words]


def _parts(command: click.Command, words: Sequence[str]) -> Iterator[_Part]:
    """The words by what belongs together, up to where there can be no more options."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    known = {name: option for option in options for name in (*option.opts, *option.secondary_opts)}
    goes_on = command.context_settings.get("allow_interspersed_args", True)
    rest = deque(words)
    while rest and rest[0] != "--" and (goes_on or _is_option(rest[0])):
        *flags, last = _options_in(rest.popleft(), known)
        yield from flags
        values = [rest.popleft()] if last.lacks_value and rest else []
        yield evolve(last, words=(*last.words, *values))
    if rest:
        yield _Part([*rest])


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _options_in(word: str, known: Mapping[str, click.Option]) -> list[_Part]:
    """One option, the flags of a word such as ``-it``, or a word that is none or unknown."""
    if not _is_option(word):
        return [_Part([word])]
    if word.startswith("--"):
        name, equals, _ = word.partition("=")
        option = known.get(name)
        return [_Part([word], option, lacks_value=not equals and _takes_value(option))]
    parts: list[_Part] = []
    for place, letter in enumerate(word[1:], 2):
        option = known.get(f"-{letter}")
        if option is None:
            return [_Part([word])]
        attached = word[place:]
        if _takes_value(option):
            value = [attached.removeprefix("=")] if attached else []
            return [*parts, _Part([f"-{letter}", *value], option, lacks_value=not attached)]
        if attached.startswith("="):
            return [*parts, _Part([f"-{letter}{attached}"], option)]
        parts.append(_Part([f"-{letter}"], option))
    return parts


def _takes_value(option: click.Option | None) -> bool:
    return option is not None and not option.is_flag
