"""`pocker system df`: how much is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from runtime.errors import ContainerError
from runtime.images.collection import users_of
from runtime.images.layers import chain_ids
from runtime.treesize import tree_size
from runtime.units import format_decimal
from supervisor.cli.failure import Failure
from supervisor.cli.finding import all_containers, has_ended
from supervisor.cli.format import format_option, print_json
from supervisor.cli.image.access import image_store
from supervisor.cli.image.wording import names_of, short
from supervisor.cli.settings import Settings
from supervisor.cli.system.shares import HEADERS, Kept, row_of
from supervisor.cli.table import format_table
from supervisor.cli.terminal import wants_colour
from supervisor.cli.volume.access import volume_store
from supervisor.detached.attended import layer_of
from supervisor.volumeusers import users_of_volumes


@click.command
@click.option("-v", "--verbose", is_flag=True, help="Also each image, container and volume.")
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, *, verbose: bool, form: str) -> None:
    """Show how much images, containers and volumes take, and how much of it nobody needs.

    A layer that images share counts once. An image is active while a container stands on it.
    """
    try:
        kinds = {
            "Images": _images(settings),
            "Containers": _containers(settings),
            "Local Volumes": _volumes(settings),
        }
    except ContainerError as error:
        raise Failure(str(error)) from error
    rows = [row_of(kind, things) for kind, things in kinds.items()]
    if form == "json":
        print_json([dict(zip(("Type", *_FIELDS), row, strict=True)) for row in rows])
        return
    colour = wants_colour(sys.stdout)
    click.echo(format_table(HEADERS, rows, colour=colour))
    for kind, things in kinds.items() if verbose else ():
        each = [
            (thing.name, "yes" if thing.active else "no", format_decimal(thing.size))
            for thing in things
        ]
        click.echo(f"\n{format_table((kind.upper(), 'ACTIVE', 'SIZE'), each, colour=colour)}")


_FIELDS = ("TotalCount", "Active", "Size", "Reclaimable")


def _images(settings: Settings) -> Sequence[Kept]:
    with image_store(settings) as store:
        things = []
        for image in store.survey().images:
            parts = {}
            chains = chain_ids(image.configuration.diff_ids)
            for chain, layer in zip(chains, image.manifest.layers, strict=True):
                unpacked = store.layers.size(chain)
                parts[chain] = layer.size if unpacked is None else unpacked.files
            names = ", ".join(f"{name.repository}:{name.tag}" for name in names_of(image))
            active = bool(users_of(store, image, settings.directories))
            things.append(Kept(name=f"{names} {short(image.id)}", active=active, parts=parts))
        return things


def _containers(settings: Settings) -> Sequence[Kept]:
    """Those of `run`, and those of jobs, which are there only while they run."""
    things = []
    for found in all_containers(settings):
        assert found.entry is not None, "no jobs file tells of it"
        written = tree_size(layer_of(found.settings.directories, found.entry).upper)
        active = not has_ended(found)
        things.append(Kept(name=found.name, active=active, parts={found.job: written}))
    directories = settings.directories
    running = os.listdir(directories.containers) if os.path.isdir(directories.containers) else ()
    for name in sorted(running):
        written = tree_size(directories.container(name).layer.upper)
        things.append(Kept(name=name, active=True, parts={name: written}))
    return things


def _volumes(settings: Settings) -> Sequence[Kept]:
    with volume_store(settings) as store:
        used = users_of_volumes(settings.directories)
        return [
            Kept(name=each.name, active=each.name in used, parts={each.name: each.size()})
            for each in store.volumes()
        ]
