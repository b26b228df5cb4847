"""The help of a command as a page of the manual. Pure.

It is click's own help, written by another formatter, so the two cannot come apart. (click-man, the
library for it, does not see commands that are imported late, and gives roff their text as it is.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

_BOLD = re.compile(r"`([^`]+)`")
_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "^": r"\(ha", "~": r"\(ti", "`": r"\(ga"}


def page_of(context: click.Context, version: str) -> str:
    """The page of the command that a context is of, with the macros of man(7)."""
    name = context.command_path.replace(" ", "-")
    formatter = _Formatter(name)
    context.command.format_help(context, formatter)
    heading = f'.TH "{_text(name.upper())}" 1 "" "{_text(version)}" "User Commands"\n'
    about = f".SH NAME\n{_text(name)} \\- {_text(_summary(context.command))}\n"
    return heading + about + formatter.getvalue() + _see_also(context)


def pages(context: click.Context) -> Iterator[click.Context]:
    """The contexts of a command and of all below it."""
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, "it is in the list"
            settings = command.context_settings
            yield from pages(click.Context(command, parent=context, info_name=name, **settings))


def _summary(command: click.Command) -> str:
    """The first sentence of its help, in which an index of all pages can have no fonts."""
    return command.get_short_help_str(limit=1000).rstrip(".").replace("`", "")


def _see_also(context: click.Context) -> str:
    if context.parent is None:
        return ""
    name = context.parent.command_path.replace(" ", "-")
    return f".SH SEE ALSO\n.BR {_text(name)} (1)\n"


class _Formatter(click.HelpFormatter):
    """Writes what a help consists of as roff does it."""

    def __init__(self, name: str) -> None:
        super().__init__(width=80)  # of the user's terminal nothing must be seen
        self._name = name
        self._lists_commands = False
        self._described = False

    def write_usage(
        self,
        prog: str,
        args: str = "",
        prefix: str | None = None,  # noqa: ARG002 # the heading takes its place
    ) -> None:
        self.write(f".SH SYNOPSIS\n.B {_text(prog)}\n{_text(args)}\n")

    def write_paragraph(self) -> None:
        """The macros part paragraphs themselves."""

    def write_text(self, text: str) -> None:
        if not self._described:
            self.write(".SH DESCRIPTION\n")
            self._described = True
        for paragraph in text.split("\n\n"):
            self.write(f".PP\n{_paragraph(paragraph)}\n")

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        if name == "Options":
            self.write(".SH OPTIONS\n")
        else:
            if not self._lists_commands:
                self.write(".SH COMMANDS\n")
            if name != "Commands":
                self.write(f".SS {_text(name)}\n")
            self._lists_commands = True
        yield

    def write_dl(
        self,
        rows: Iterable[tuple[str, str]],
        col_max: int = 30,  # noqa: ARG002 # roff finds its columns itself
        col_spacing: int = 2,  # noqa: ARG002
    ) -> None:
        for term, text in rows:
            self.write(f".TP\n{self._term(term)}\n{_paragraph(text)}\n")

    def _term(self, term: str) -> str:
        if self._lists_commands:
            return f".BR {_text(self._name)}\\-{_text(term)} (1)"
        return f".B {_text(term)}"


def _paragraph(text: str) -> str:
    """Text as one line that is no request, with names in bold."""
    parts = _BOLD.split(" ".join(text.split()))
    marked = [
        f"\\fB{_text(part)}\\fR" if number % 2 else _text(part) for number, part in enumerate(parts)
    ]
    line = "".join(marked)
    return f"\\&{line}" if line.startswith(".") else line


def _text(text: str) -> str:
    """Text in which nothing means anything to roff."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
