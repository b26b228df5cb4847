"""`pocker create`: a container like one of `run -d` that is not started yet."""

from __future__ import annotations

from typing import Any

import click

from supervisor.cli import run
from supervisor.cli.settings import Settings


@click.pass_obj
def _create(settings: Settings, /, **options: Any) -> int:
    with run.refusals():
        from supervisor.cli.detach import write_down

        click.echo(write_down(settings, run.lasting(settings, options), begun=False).id)
    return 0


command = click.Command(
    name="create",
    params=[parameter for parameter in run.command.params if parameter.name != "detach"],
    callback=_create,
    help="""Make a container of IMAGE for COMMAND; `start` starts it.

    Options take what those of `run -d` take. Its id is printed.""",
    context_settings=run.command.context_settings,
)
