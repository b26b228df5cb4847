"""The choice between a table for people and JSON for programs, the same for all commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import click

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
