"""Several containers, each in its turn: what goes wrong with one is in no other's way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from runtime.errors import ContainerError
from supervisor.cli.failure import Failure
from supervisor.cli.format import Document, echo_rendered
from supervisor.journal import JournalError


class Turns:
    """Whose turn it has been, and what went wrong then. Failures are told together in the end."""

    def __init__(self) -> None:
        self._failures: list[str] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do something with one of them, which may raise Failure."""
        try:
            yield
        except (Failure, ContainerError, JournalError) as error:
            self._failures.append(str(error))

    def finish(self) -> None:
        """Raise Failure if anything went wrong."""
        if self._failures:
            raise Failure("; ".join(self._failures))


def show_in_turn(
    names: Sequence[str], find: Callable[[str], Document], template: str | None
) -> None:
    """Show what is known of each, as an array or as a line each. Raises Failure after that."""
    turns = Turns()
    documents = []
    for name in names:
        with turns.turn():
            documents.append(find(name))
    if template is None:
        click.echo(json.dumps(documents, indent=2))
    else:
        echo_rendered(template, documents)
    turns.finish()


def in_turn(words: Sequence[str], act: Callable[[str], object]) -> None:
    """Act on each, and tell of whom that is done. Raises Failure, after the last one."""
    turns = Turns()
    for word in words:
        with turns.turn():
            act(word)
            click.echo(word)
    turns.finish()
