"""`pocker load`: images from an archive."""

from __future__ import annotations

import click

from supervisor.cli.image.wording import names_of
from supervisor.cli.settings import Settings


@click.command
@click.option(
    "-i", "--input", "file", default="-", metavar="FILE", help="Read this, not the standard input."
)
@click.option("-q", "--quiet", is_flag=True, help="Do not say what was loaded.")
@click.pass_obj
def command(settings: Settings, file: str, *, quiet: bool) -> None:
    """Load all images of an archive.

    It may be one of `docker save` or `podman save`, or an OCI image layout, plain or compressed
    with gzip or zstd.
    """
    from runtime.images.loading import load_archive
    from supervisor.cli.image.access import image_store, read_pieces

    with image_store(settings, change=True) as store:
        images = load_archive(store, read_pieces(file))
    for image in images if not quiet else ():
        if not image.names:
            click.echo(f"Loaded image ID: {image.id}")
        for name in names_of(image) if image.names else ():
            click.echo(f"Loaded image: {name.repository}:{name.tag}")
