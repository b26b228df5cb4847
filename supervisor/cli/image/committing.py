"""`pocker commit`: an image of what a container has changed."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.image.options import change_option, message_option
from supervisor.cli.settings import Settings


@click.command
@click.option("-a", "--author", default="", metavar="TEXT", help="Who made it.")
@change_option
@message_option
@click.option(
    "-p",
    "--pause/--no-pause",
    default=True,
    help="Let the container stand still while it is read, as is usual, or go on.",
)
@click.argument("container", shell_complete=candidates.rooted)
@click.argument("reference", required=False, metavar="[REPOSITORY[:TAG]]")
@click.pass_obj
def command(
    settings: Settings,
    container: str,
    reference: str | None,
    *,
    author: str,
    changes: Sequence[str],
    message: str,
    pause: bool,
) -> None:
    """Make an image of CONTAINER's own image and what it has changed; print its id.

    The container is named as for `exec`; one of `run -d` need not run. Volumes are no part of it.
    """
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.snapshot import Wanted, take
    from supervisor.cli.roots import Root

    wanted = Wanted(
        names=[] if reference is None else [reference],
        changes=changes,
        author=author,
        message=message,
        created_by=f"pocker commit {container}",
        pause=pause,
    )
    with image_store(settings, change=True) as store:
        image = take(store, Root.of(settings, container), wanted)
    click.echo(image.id)
