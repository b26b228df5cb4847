"""The images that jobs name: found in the store, or said to be missing before anything starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from runtime.directories import Directories
from runtime.errors import ImageError, SpecError
from runtime.images.image import Image
from supervisor.containerspec import names_image
from supervisor.faults import Fault
from supervisor.healthplan import health_plan
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.policies import Condition
from supervisor.problems import JobsFileError, Problem

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
    """Raises JobsFileError where jobs of these names have an image that the store lacks.

    What only their images can tell is looked at as well: whether there is a test of health.
    """
    found = _look(jobsfile, names, directories)
    _refuse([*found.lacking, *found.wrong], jobsfile, shown)


def lacking_images(
    jobsfile: JobsFile, directories: Directories, *, shown: str = ""
) -> list[Problem]:
    """The images that the store lacks. Raises JobsFileError for what is wrong with the others."""
    found = _look(jobsfile, jobsfile.jobs, directories)
    _refuse(found.wrong, jobsfile, shown)
    return _placed(found.lacking, jobsfile, shown)


def _refuse(faults: Sequence[Fault], jobsfile: JobsFile, shown: str) -> None:
    if faults:
        raise JobsFileError(_placed(faults, jobsfile, shown))


def _placed(faults: Sequence[Fault], jobsfile: JobsFile, shown: str) -> list[Problem]:
    from supervisor.jobsfile import place  # whoever has found no fault has no file to look at

    return place(faults, jobsfile.text, shown or jobsfile.path)


@frozen
class _Faults:
    """What the store lacks, or has damaged, and what is wrong with what it has."""

    lacking: list[Fault] = field(factory=list)
    wrong: list[Fault] = field(factory=list)


def _look(jobsfile: JobsFile, names: Iterable[str], directories: Directories) -> _Faults:
    found = _Faults()
    untested = set()
    for name in names:
        job = jobsfile.jobs[name]
        if not names_image(job):
            continue
        try:
            image = _store(directories).find(job.image or "")
            if health_plan(job.healthcheck, image) is None:
                untested.add(name)
        except SpecError as error:
            found.wrong.append(Fault(("jobs", name, "healthcheck"), error.problem))
        except ImageError as error:
            found.lacking.append(Fault(("jobs", name, "image"), str(error)))
    found.wrong.extend(_in_vain(jobsfile, names, untested))
    return found


def _in_vain(
    jobsfile: JobsFile, names: Iterable[str], untested: Collection[str]
) -> Iterator[Fault]:
    """Jobs that wait for another to be healthy which nothing tests."""
    for name in names:
        for dependency in jobsfile.jobs[name].depends_on:
            if dependency.condition is Condition.HEALTHY and dependency.job in untested:
                problem = f"neither {dependency.job} nor its image has a healthcheck"
                yield Fault(("jobs", name, "depends_on", dependency.job), problem)
