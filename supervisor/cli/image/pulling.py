"""`pocker pull`: an image from a registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from supervisor.cli.settings import Settings

if TYPE_CHECKING:
    from runtime.images.reference import Reference
    from runtime.registry.pulling import Pulled, Wanted


@click.command
@click.option("-q", "--quiet", is_flag=True, help="Say only the image's full name.")
@click.option(
    "--platform",
    metavar="OS/ARCH[/VARIANT]",
    help="Take the image for this platform, not for ours.",
)
@click.option("-a", "--all-tags", is_flag=True, help="Bring the images of all tags that NAME has.")
@click.argument("reference", metavar="NAME[:TAG|@DIGEST]")
@click.pass_obj
def command(
    settings: Settings, reference: str, *, quiet: bool, platform: str | None, all_tags: bool
) -> None:
    """Bring an image from its registry into the store.

    Names are Docker's: busybox is docker.io/library/busybox:latest.
    """
    from runtime.errors import ImageError
    from runtime.images.manifest import parse_platform
    from runtime.images.reference import DEFAULT_TAG, parse_reference
    from runtime.registry.pulling import Wanted
    from supervisor.cli.failure import Failure

    try:
        parsed = parse_reference(reference)
        chosen = None if platform is None else parse_platform(platform)
    except ImageError as error:
        raise Failure(str(error)) from error
    by_default = parsed.tag == DEFAULT_TAG and f":{DEFAULT_TAG}" not in reference
    if all_tags and not by_default:
        raise Failure("a tag or digest can't be used with --all-tags/-a")
    if not quiet and by_default and not all_tags:
        click.echo(f"Using default tag: {DEFAULT_TAG}")
    for each in _all_tags(settings, parsed) if all_tags else [parsed]:
        wanted = Wanted(reference=each, platform=chosen)
        pulled = bring(settings, wanted, None if quiet else sys.stdout)
        if not quiet:
            tell(pulled, wanted, sys.stdout)
        click.echo(wanted.name)


def _all_tags(settings: Settings, reference: Reference) -> list[Reference]:
    """A name with each tag that its registry has. Raises Failure."""
    import trio
    from attrs import evolve

    from runtime.images.reference import parse_reference
    from runtime.registry.tags import fetch_tags
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.registries import own_access

    # The store, which is about to be changed, is opened before trio has threads.
    with image_store(settings, change=True):
        name = evolve(reference, tag=None)
        tags = trio.run(own_access().first, name, fetch_tags)
        return [parse_reference(f"{name}:{tag}") for tag in tags]


def bring(settings: Settings, wanted: Wanted, stream: TextIO | None) -> Pulled:
    """Pull an image and show how far it is, to nobody if there is no stream. Raises Failure."""
    import trio

    from runtime.registry.pulling import pull
    from supervisor.cli.groups import first_of
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.progress import nothing, progress
    from supervisor.cli.image.registries import own_access

    access = own_access()
    with image_store(settings, change=True) as store:
        try:
            if stream is None:
                return trio.run(pull, store, access, wanted, nothing)
            reference = wanted.reference
            which = reference.digest or reference.tag
            click.echo(f"{which}: Pulling from {reference.path}", file=stream)
            with progress(stream) as report:
                return trio.run(pull, store, access, wanted, report)
        except BaseExceptionGroup as group:
            raise first_of(group) from group


def tell(pulled: Pulled, wanted: Wanted, stream: TextIO) -> None:
    """Docker's last words about a pull, and a warning where the image is for other machines."""
    from runtime.images.manifest import Platform, fits
    from runtime.images.store import own_platform

    click.echo(f"Digest: {pulled.digest}", file=stream)
    state = "Downloaded newer image for" if pulled.news else "Image is up to date for"
    click.echo(f"Status: {state} {wanted.reference.familiar}", file=stream)
    configuration = pulled.image.configuration
    made_for = Platform(
        os=configuration.os,
        architecture=configuration.architecture,
        variant=configuration.variant,
    )
    own = own_platform()
    if wanted.platform is None and not fits(made_for, own):
        click.echo(f"pocker: {wanted.name} is for {made_for}, this machine is {own}", err=True)
