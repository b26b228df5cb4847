"""The choice between tables, JSON and a form of the user's own, the same for all commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import click

from supervisor.cli.template import TemplateError, render
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


def print_json(documents: Sequence[Document]) -> None:
    """One array, for a program that reads it whole."""
    click.echo(json.dumps(documents, indent=2))


def echo_rendered(template: str, documents: Sequence[Document]) -> None:
    """A line for each, in a form of the user's own. Raises UsageError."""
    try:
        lines = [render(template, document) for document in documents]
    except TemplateError as error:
        raise click.UsageError(f"--format: {error}") from error
    for line in lines:
        click.echo(harmless(line) if sys.stdout.isatty() else line)
