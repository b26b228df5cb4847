"""The image of a container that is about to be made: pulled, as `--pull` says."""

from __future__ import annotations

from typing import Literal, TextIO, TypeAlias

import click

from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.settings import Settings
from supervisor.containerspec import names_image
from supervisor.jobspec import JobSpec

Policy: TypeAlias = Literal["missing", "always", "never"]


def provide(settings: Settings, job: JobSpec, policy: Policy, stream: TextIO | None) -> None:
    """Have the image in the store, if it is one that has a registry. Raises Failure.

    How that goes is told on the stream.
    """
    if policy == "never" or not names_image(job):
        return
    from runtime.errors import ContainerError, ImageError
    from runtime.images.naming import by_reference, id_prefix, nearest_to
    from runtime.images.reference import parse_reference
    from runtime.images.store import ImageStore

    text = job.image or ""
    store = ImageStore(settings.directories.image_store)
    try:
        named = bool(by_reference(store.entries(), text))
        known = named or store.has(text)
        reference = parse_reference(text)
    except ImageError:
        return  # whoever wants the image says what is wrong with it
    is_id = (known and not named) or (text.startswith("sha256:") and id_prefix(text) is not None)
    if is_id or (known and policy == "missing"):
        return
    from runtime.container import Runtime
    from runtime.registry.pulling import Wanted
    from supervisor.cli.image.pulling import bring, tell

    try:
        # Of no use to who cannot start a container of it.
        Runtime.require_rights()
    except ContainerError as error:
        raise Failure(str(error), code=START_FAILED) from error
    if stream is not None and not known:
        click.echo(f"Unable to find image '{reference.familiar}' locally", file=stream)
    wanted = Wanted(reference=reference)
    try:
        pulled = bring(settings, wanted, stream)
    except Failure as error:
        near = "" if known else nearest_to(text, store.entries())
        raise Failure(f"{error}{near}", code=START_FAILED) from error
    if stream is not None:
        tell(pulled, wanted, stream)
