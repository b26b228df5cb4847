"""`pocker export`: the root of a container as an archive."""

from __future__ import annotations

import click

from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings


@click.command
@click.option("-o", "--output", metavar="FILE", help="Write to this, not to the standard output.")
@click.argument("container", metavar="JOB|CONTAINER", shell_complete=candidates.rooted)
@click.pass_obj
def command(settings: Settings, container: str, output: str | None) -> None:
    """Write the root of a container, its image and what it has changed, to an archive (tar).

    It need not run. What lies in its volumes is no part of it. `import` makes an image of this.
    """
    from runtime.errors import ContainerError
    from runtime.images.packing import pack
    from supervisor.cli.image.access import written
    from supervisor.cli.roots import Root

    try:
        with Root.of(settings, container).of_layers() as root, written(output) as file:
            for piece in pack(root, ""):
                file.write(piece)
    except ContainerError as error:
        raise Failure(str(error)) from error
