"""How far the layers of an image are: bars on a terminal, elsewhere a line for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Protocol, TextIO

import click
from attrs import define, field

from runtime.images.manifest import Descriptor
from supervisor.cli.image.wording import short
from supervisor.cli.terminal import is_animated, wants_colour

_UNDER_WAY = {"FETCHING", "SENDING"}


class Report(Protocol):
    """Is told of each layer how far it is, and how many bytes of it have gone."""

    def __call__(self, layer: Descriptor, step: Enum, done: int, /) -> None: ...


def nothing(layer: Descriptor, step: Enum, done: int) -> None:
    """Say nothing."""


@contextmanager
def progress(stream: TextIO) -> Iterator[Report]:
    """What to tell of the layers; the bars are gone in the end, their last words stay."""
    if not is_animated(stream):
        yield _Lines(stream)
        return
    # Only a terminal pays for rich.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TransferSpeedColumn,
    )

    console = Console(
        file=stream, color_system="standard" if wants_colour(stream) else None, highlight=False
    )
    columns = (
        TextColumn("{task.fields[identifier]}: {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as bars:

        def report(layer: Descriptor, step: Enum, done: int) -> None:
            task = tasks.get(layer.digest)
            if task is None:
                task = tasks[layer.digest] = bars.add_task(
                    step.value, total=layer.size, identifier=short(layer.digest)
                )
            bars.update(task, description=step.value, completed=done)

        yield report


@define
class _Lines:
    """A line for each step of a layer, but none for bytes on their way."""

    stream: TextIO
    said: dict[str, Enum] = field(factory=dict)

    def __call__(self, layer: Descriptor, step: Enum, _: int) -> None:
        if self.said.get(layer.digest) is not step and step.name not in _UNDER_WAY:
            click.echo(f"{short(layer.digest)}: {step.value}", file=self.stream)
        self.said[layer.digest] = step
