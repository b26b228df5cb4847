"""`pocker image inspect`: all that is known about images, with Docker's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from runtime.images.config import write_config
from runtime.images.image import Image
from runtime.images.layers import chain_ids
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from supervisor.cli import candidates
from supervisor.cli.image.access import image_store, size_of
from supervisor.cli.settings import Settings
from supervisor.cli.turns import show_in_turn


@click.command
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", shell_complete=candidates.images
)
@click.option("-f", "--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.Id}}'.")
@click.pass_obj
def command(settings: Settings, images: Sequence[str], form: str | None) -> None:
    """Show all that is known about each IMAGE, as JSON."""
    with image_store(settings) as store:
        show_in_turn(images, lambda name: image_document(store, store.find(name)), form)


def image_document(store: ImageStore, image: Image) -> dict[str, Any]:
    """All that is known of it, by Docker's names."""
    configuration = image.configuration
    chains = chain_ids(configuration.diff_ids)
    references = [parse_reference(name) for name in image.names]
    return {
        "Id": image.id,
        "RepoTags": [f"{name.familiar_name}:{name.tag}" for name in references if name.tag],
        "RepoDigests": [
            f"{name}@{image.target.digest}"
            for name in dict.fromkeys(reference.familiar_name for reference in references)
        ],
        "Created": configuration.created,
        "Author": configuration.author,
        "Comment": configuration.history[-1].comment if configuration.history else "",
        "Architecture": configuration.architecture,
        "Variant": configuration.variant,
        "Os": configuration.os,
        "Size": size_of(store, image),
        "Config": write_config(image.config),
        "RootFS": {"Type": "layers", "Layers": list(configuration.diff_ids)},
        "Descriptor": image.target.document(),
        "Manifest": {
            "MediaType": image.manifest.media_type,
            "Layers": [layer.document() for layer in image.manifest.layers],
        },
        "Unpacked": [
            store.layers.tree(chain) for chain in chains if store.layers.size(chain) is not None
        ],
    }
