"""The volumes that a job or its image asks for by nothing but a target: nobody names them. Pure.

Those of a container that lasts get their names when it is written down, and stay with it. All
others are made anew for each attempt and go with its container, like its writable layer.
"""

from __future__ import annotations

from attrs import evolve

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.volumes.naming import is_made_up, new_name
from supervisor.jobspec import JobSpec
from supervisor.mounts import Volume, absolute_path, is_of_the_kernel, mount_target


def with_image_volumes(job: JobSpec, config: ImageConfig) -> tuple[Volume, ...]:
    """The volumes of a job, and those of its image at whose targets the job mounts nothing.

    An image's volumes in /proc and /sys are left out. Raises SpecError.
    """
    volumes = [*job.volumes]
    taken = {each.target for each in job.volumes} | {each.target for each in job.tmpfs}
    for path in config.volumes:
        try:
            target = absolute_path(path)
            if target in taken or is_of_the_kernel(target):
                continue
            volumes.append(Volume(target=mount_target(path)))
        except ValueError as error:
            raise SpecError("image.Volumes", str(error)) from error
        taken.add(target)
    return tuple(volumes)


def with_names(job: JobSpec, config: ImageConfig) -> tuple[JobSpec, tuple[str, ...]]:
    """The same job with a name for each volume that has none, and these names. Raises SpecError."""
    names = []
    volumes = []
    for each in with_image_volumes(job, config):
        if each.source is None:
            names.append(new_name())
            volumes.append(evolve(each, source=names[-1]))
        else:
            volumes.append(each)
    return evolve(job, volumes=tuple(volumes)), tuple(names)


def unnamed_targets(job: JobSpec) -> list[str]:
    """Where a job sees volumes that it does not name, or that were given their names here."""
    return [each.target for each in job.volumes if each.source is None or is_made_up(each.source)]
