"""`pocker save`: images into an archive."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runtime.images.image import Image
from runtime.images.naming import by_reference, name_of
from supervisor.cli import candidates
from supervisor.cli.settings import Settings


@click.command
@click.option("-o", "--output", metavar="FILE", help="Write to this, not to the standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("docker-archive", "oci-archive")),
    default="docker-archive",
    show_default=True,
    help="What others can load, or an OCI image layout, which keeps digests.",
)
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", shell_complete=candidates.images
)
@click.pass_obj
def command(settings: Settings, images: Sequence[str], output: str | None, form: str) -> None:
    """Write each IMAGE to one archive, under the name that it is given by here."""
    from runtime.images.saving import save_docker, save_layout
    from supervisor.cli.image.access import image_store, written

    with image_store(settings) as store:
        entries = store.entries()
        found: dict[str, tuple[Image, list[str]]] = {}
        for text in images:
            image = store.find(text)
            _, names = found.setdefault(image.target.digest, (image, []))
            called = map(name_of, by_reference(entries, text))
            names += [name for name in called if name is not None and name not in names]
        save = save_docker if form == "docker-archive" else save_layout
        with written(output) as file:
            save(store, list(found.values()), file)
