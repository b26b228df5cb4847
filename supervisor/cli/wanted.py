"""What `run` and `create` are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.images.image import Image
from supervisor.anonymous import with_names
from supervisor.jobspec import JobSpec
from supervisor.runorder import OrderError


@frozen(kw_only=True)
class Wanted:
    """A container: what it is made of, what it is called, and whether it goes when it has ended."""

    table: Mapping[str, object]
    job: JobSpec
    name: str | None
    remove: bool


def name_volumes(job: JobSpec, image: Image | None) -> tuple[JobSpec, tuple[str, ...]]:
    """The job with a name for each volume that has none, and these names. Raises OrderError."""
    try:
        return with_names(job, ImageConfig() if image is None else image.config)
    except SpecError as error:
        raise OrderError(str(error)) from error
