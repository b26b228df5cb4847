"""`pocker push`: an image into a registry."""

from __future__ import annotations

import sys

import click

from supervisor.cli import candidates
from supervisor.cli.settings import Settings


@click.command
@click.option("-q", "--quiet", is_flag=True, help="Say only the image's full name.")
@click.argument("reference", metavar="NAME[:TAG]", shell_complete=candidates.images)
@click.pass_obj
def command(settings: Settings, reference: str, *, quiet: bool) -> None:
    """Send an image of the store to the registry that its name says."""
    import trio

    from runtime.errors import ImageError
    from runtime.images.reference import parse_reference
    from runtime.registry.pushing import push
    from supervisor.cli.failure import Failure
    from supervisor.cli.groups import first_of
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.progress import nothing, progress
    from supervisor.cli.image.registries import own_access

    try:
        parsed = parse_reference(reference)
    except ImageError as error:
        raise Failure(str(error)) from error
    access = own_access()
    with image_store(settings, change=True) as store:
        try:
            if quiet:
                trio.run(push, store, access, parsed, nothing)
                click.echo(str(parsed))
                return
            click.echo(f"The push refers to repository [{parsed.name}]")
            with progress(sys.stdout) as report:
                pushed = trio.run(push, store, access, parsed, report)
        except BaseExceptionGroup as group:
            raise first_of(group) from group
    target = pushed.target
    click.echo(f"{parsed.tag}: digest: {target.digest} size: {target.size}")
    if not pushed.whole:
        click.echo("pocker: only the image for this platform was sent: no other is here", err=True)
