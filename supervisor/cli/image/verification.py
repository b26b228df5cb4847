"""`pocker image verify`: whether the store is what it says it is."""

from __future__ import annotations

import click

from runtime.images.collection import verify
from supervisor.cli.image.access import image_store
from supervisor.cli.settings import Settings


@click.command
@click.pass_obj
def command(settings: Settings) -> int:
    """Read everything that the index names and compare it with its digest.

    The exit code is 1 if anything is damaged or missing; each such thing is a line.
    """
    with image_store(settings) as store:
        problems = list(verify(store))
        for problem in problems:
            click.echo(problem)
        if not problems:
            count = len(store.survey().images)
            click.echo(f"{count} image{'' if count == 1 else 's'}, nothing wrong")
    return 1 if problems else 0
