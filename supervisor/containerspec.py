"""From a job to the container of one of its attempts: a pure conversion."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Sequence

from attrs import asdict, evolve

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.images.image import Image
from runtime.images.startup import merged_command
from runtime.security.capabilities import asks_for_all, effective_set
from runtime.spec import (
    ContainerSpec,
    Device,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Rootfs,
    Terminal,
    Tmpfs,
    Ulimit,
    Volume,
)
from runtime.volumes.naming import new_name
from supervisor.anonymous import unnamed_targets, with_image_volumes
from supervisor.conflicts import is_stored
from supervisor.healthplan import merged_healthcheck
from supervisor.jobspec import JobSpec
from supervisor.mounts import Volume as JobVolume
from supervisor.values import read_signal

_NOT_IN_HOSTNAME = re.compile(r"[^a-zA-Z0-9-]+")
_HOSTNAME_LENGTH = 63


def container_id(project: str, job: str) -> str:
    """A new id that says whose it is, as in ``nightly-load-3f9a1c``."""
    return f"{project}-{job}-{secrets.token_hex(4)}"


def names_image(job: JobSpec) -> bool:
    """Whether the job's root is an image of the store."""
    return job.image is not None and is_stored(job.image)


def _rootfs(job: JobSpec, image: Image | None, keep: str | None) -> Rootfs:
    if job.rootfs is not None:
        return DirectoryRootfs(job.rootfs)
    if image is not None:
        return OverlayRootfs(image.layers, keep)
    assert job.image is not None, "the reader of the jobs file asks for one of the two"
    return HostRootfs() if job.image == "host" else OverlayRootfs((job.image,), keep)


def stop_signal(job: JobSpec, image: Image | None) -> int:
    """The signal that asks the job to end. Raises SpecError for one of the image that is none."""
    if job.stop_signal is not None:
        return job.stop_signal
    if image is None or not image.config.stop_signal:
        return int(signal.SIGTERM)
    try:
        return read_signal(image.config.stop_signal)
    except ValueError as error:
        raise SpecError("image.StopSignal", str(error)) from error


def own_config(job: JobSpec, config: ImageConfig) -> ImageConfig:
    """What an image made of the job's container says of how its containers start, as Docker has it.

    Raises SpecError.
    """
    return evolve(
        config,
        environment={**config.environment, **job.environment},
        command=job.command or (() if job.entrypoint else config.command),
        entrypoint=job.entrypoint or config.entrypoint,
        user=job.user or config.user,
        working_dir=job.working_dir or config.working_dir,
        volumes=tuple(sorted({*config.volumes, *unnamed_targets(job)})),
        stop_signal=config.stop_signal if job.stop_signal is None else _name(job.stop_signal),
        labels={**config.labels, **job.labels},
        healthcheck=merged_healthcheck(job.healthcheck, config.healthcheck),
    )


def _name(number: int) -> str:
    """A signal as images have it; those for real time have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _command(job: JobSpec, config: ImageConfig) -> tuple[str, ...]:
    command = merged_command(config, job.entrypoint or None, job.command or None)
    if not command:
        raise SpecError("command", "none given, and the image has none of its own")
    return command


def _hostname(job: JobSpec) -> str:
    if job.hostname is not None:
        return job.hostname
    return _NOT_IN_HOSTNAME.sub("-", job.name)[:_HOSTNAME_LENGTH].strip("-") or "job"


def _added(job: JobSpec) -> Sequence[str]:
    """The names of the capabilities that it is to have beside the usual ones."""
    return ("ALL",) if job.privileged and not asks_for_all(job.cap_drop) else job.cap_add


def _volume(volume: JobVolume) -> Volume:
    return Volume(
        source=volume.source or new_name(),
        target=volume.target,
        read_only=volume.read_only,
        nocopy=volume.nocopy,
        own=volume.source is None,
        followed=volume.propagation == "rslave",
    )


def container_spec(
    job: JobSpec, identifier: str, image: Image | None, keep: str | None = None
) -> ContainerSpec:
    """The container that runs `job` under this id.

    `image` is the one of the store that the job names, if it does. What it writes to its root stays
    in the layer `keep`, where there is one. Raises SpecError.
    """
    config = ImageConfig() if image is None else image.config
    options = job.security_opt
    if options.seccomp_file is not None:  # without it the job would be less confined than asked
        raise SpecError("security_opt", f"{options.seccomp_file}: has not been read")
    return ContainerSpec(
        id=identifier,
        command=_command(job, config),
        rootfs=_rootfs(job, image, keep),
        environment={**config.environment, **job.environment},
        working_dir=job.working_dir or config.working_dir or "/",
        user=job.user or config.user or "0",
        groups=job.group_add,
        hostname=_hostname(job),
        extra_hosts=job.extra_hosts,
        volumes=tuple(map(_volume, with_image_volumes(job, config))),
        tmpfs=tuple(Tmpfs(**asdict(tmpfs)) for tmpfs in job.tmpfs),
        devices=tuple(Device(**asdict(device)) for device in job.devices),
        limits=evolve(job.limits, devices=None) if job.privileged else job.limits,
        ulimits=tuple(
            Ulimit(name=name, soft=limit.soft, hard=limit.hard)
            for name, limit in job.ulimits.items()
        ),
        sysctls=job.sysctls,
        network=job.network_mode,
        cgroup=job.cgroup,
        read_only=job.read_only,
        init=job.init,
        privileged=job.privileged,
        capabilities=effective_set(_added(job), job.cap_drop),
        all_capabilities=asks_for_all(_added(job)),
        no_new_privileges=options.no_new_privileges,
        seccomp=options.seccomp and not job.privileged,
        seccomp_profile=options.seccomp_profile,
        stop_signal=stop_signal(job, image),
        merge_output=job.log.merge,
        terminal=Terminal(kept=True) if job.tty else None,
        stdin_open=job.stdin_open,
        image_config=None if image is None else own_config(job, image.config),
    )
