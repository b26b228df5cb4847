"""`pocker diff`: what a container has changed in its root."""

from __future__ import annotations

import click

from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import harmless


@click.command
@click.argument("container", metavar="JOB|CONTAINER", shell_complete=candidates.rooted)
@click.pass_obj
def command(settings: Settings, container: str) -> None:
    """List what a container has added (A), changed (C) and deleted (D) in its root.

    It need not run. What it wrote to its volumes is no part of it.
    """
    from runtime.errors import ContainerError
    from runtime.rootfs.changed import changes
    from runtime.rootfs.mounted import lower_layers
    from supervisor.cli.roots import Root

    try:
        root = Root.of(settings, container)
        found = list(changes(root.layer.upper, lower_layers(root.layer, root.place)))
    except ContainerError as error:
        raise Failure(f"container {container}: {error}") from error
    for change in sorted(found, key=lambda each: each.path):
        click.echo(f"{change.kind} {harmless(change.path)}")
