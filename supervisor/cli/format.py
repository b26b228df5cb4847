"""The choice between tables, JSON and a form of the user's own, the same for all commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import click

from supervisor.cli.failure import Failure
from supervisor.cli.table import format_table
from supervisor.cli.terminal import harmless

Format: TypeAlias = Literal["table", "json"]
Document: TypeAlias = Mapping[str, Any]

F = TypeVar("F", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[F], F]:
    """Declare ``--format``; the first of `formats` is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to show it.",
    )


def template_option(example: str) -> Callable[[F], F]:
    """Declare a ``--format`` that may be a template as well, such as one with this field."""
    return click.option(
        "--format",
        "form",
        default="table",
        show_default=True,
        metavar="table|json|TEMPLATE",
        help=f"How to show it; a template is a text with fields such as {example}.",
    )


def require_form(form: str) -> None:
    """Refuse what is neither a known word nor a template. Raises UsageError."""
    if form not in ("table", "json") and "{{" not in form:
        raise click.UsageError(f"--format: {form} is neither table nor json nor a template")


class _Titles(dict[str, str]):
    """The headings of fields, all others being called as they are."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name.upper()


def print_json(documents: Sequence[Document]) -> None:
    """An object a line, for a program that reads one after the other, as Docker writes lists."""
    for document in documents:
        click.echo(json.dumps(document))


def echo_rendered(
    template: str,
    documents: Sequence[Document],
    headings: Mapping[str, str] = {},
    known: Collection[str] = (),
) -> None:
    """A line for each, in a form of the user's own. Raises Failure.

    Where the `known` fields are told, others are refused even if there is no document.
    One that begins with ``table`` is a table; `headings` are those of fields that are not called
    so there.
    """
    # Only who has a form of his own waits for the means to read it.
    from supervisor.cli.template import TemplateError, columns_of, render

    try:
        if known:
            render(template, dict.fromkeys(known, ""))
        if columns := columns_of(template):
            titles = _Titles(headings)
            rows = [[render(column, document) for column in columns] for document in documents]
            heads = [render(column, titles) for column in columns]
            click.echo(format_table(heads, rows, colour=False))
            return
        lines = [render(template, document) for document in documents]
    except TemplateError as error:
        raise Failure(f"--format: {error}") from error
    for line in lines:
        click.echo(harmless(line) if sys.stdout.isatty() else line)
