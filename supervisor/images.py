"""The images that jobs name: found in the store, or said to be missing before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.image import Image
from supervisor.containerspec import names_image
from supervisor.faults import Fault
from supervisor.jobsfile import place
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.problems import JobsFileError

if TYPE_CHECKING:
    from runtime.images.store import ImageStore


def _store(directories: Directories) -> ImageStore:
    # Only jobs with an image of the store pay for what reads it.
    from runtime.images.store import ImageStore

    return ImageStore(directories.image_store)


def image_of(job: JobSpec, directories: Directories) -> Image | None:
    """The image of a job with its layers unpacked; None where the job has another root.

    Raises ImageError. May take long; for a thread.
    """
    if not names_image(job):
        return None
    return _store(directories).resolve(job.image or "")


def known_image_of(job: JobSpec, directories: Directories) -> Image | None:
    """The same without unpacking anything; None also where the image has gone."""
    if not names_image(job):
        return None
    try:
        return _store(directories).find(job.image or "")
    except ImageError:
        return None


def require_images(
    jobsfile: JobsFile, names: Iterable[str], directories: Directories, *, shown: str = ""
) -> None:
    """Raises JobsFileError where jobs of these names have an image that the store lacks."""
    faults = []
    for name in names:
        job = jobsfile.jobs[name]
        if names_image(job):
            try:
                _store(directories).find(job.image or "")
            except ImageError as error:
                faults.append(Fault(("jobs", name, "image"), str(error)))
    if faults:
        raise JobsFileError(place(faults, jobsfile.text, shown or jobsfile.path))
