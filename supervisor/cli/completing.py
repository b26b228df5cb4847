"""What comes next on a command line that a shell asks about."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
from click.shell_completion import ShellComplete, split_arg_string

_MARK = "\0"
"""No word has it: it shows where the line ends, be it in a word or behind one."""
_VALUE_BREAKS = ":="
"""Of the characters at which bash may begin a new word, those that stand in ours."""


def answer(program: click.Command, name: str, shell: str) -> Iterator[str]:
    """The lines that the script of a shell reads. Raises Failure or click's errors."""
    line = os.environ.get("COMP_LINE", "")
    *words, incomplete = split_arg_string(line + _MARK)
    incomplete = incomplete.removesuffix(_MARK)
    option, equals, _ = incomplete.partition("=")
    before = f"{option}=" if equals and option.startswith("--") else ""
    done = _done_by_bash(incomplete) if shell == "bash" else 0
    found = ShellComplete(program, {}, name, "").get_completions(words[1:], incomplete)
    return (
        "\t".join((item.type, f"{before}{item.value}"[done:], " ".join((item.help or "").split())))
        for item in found
    )


def _done_by_bash(incomplete: str) -> int:
    """How much of a word bash takes for words of their own, which are complete."""
    breaks = {*_VALUE_BREAKS} & {*os.environ.get("COMP_WORDBREAKS", "")}
    return 1 + max(map(incomplete.rfind, breaks), default=-1)
