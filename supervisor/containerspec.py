"""From a job to the container of one of its attempts: a pure conversion."""

from __future__ import annotations

import re
import secrets

from attrs import asdict

from runtime.security.capabilities import effective_set
from runtime.spec import (
    ContainerSpec,
    Device,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Rootfs,
    Tmpfs,
    Ulimit,
    Volume,
)
from supervisor.jobspec import JobSpec

_NOT_IN_HOSTNAME = re.compile(r"[^a-zA-Z0-9-]+")
_HOSTNAME_LENGTH = 63


def container_id(project: str, job: str) -> str:
    """A new id that says whose it is, as in ``nightly-load-3f9a1c``."""
    return f"{project}-{job}-{secrets.token_hex(4)}"


def _rootfs(job: JobSpec) -> Rootfs:
    if job.rootfs is not None:
        return DirectoryRootfs(job.rootfs)
    assert job.image is not None, "the reader of the jobs file asks for one of the two"
    return HostRootfs() if job.image == "host" else OverlayRootfs((job.image,))


def _hostname(job: JobSpec) -> str:
    if job.hostname is not None:
        return job.hostname
    return _NOT_IN_HOSTNAME.sub("-", job.name)[:_HOSTNAME_LENGTH].strip("-") or "job"


def container_spec(job: JobSpec, identifier: str) -> ContainerSpec:
    """The container that runs `job` under this id. Raises SpecError."""
    return ContainerSpec(
        id=identifier,
        command=(*job.entrypoint, *job.command),
        rootfs=_rootfs(job),
        environment=job.environment,
        working_dir=job.working_dir,
        user=job.user,
        groups=job.group_add,
        hostname=_hostname(job),
        volumes=tuple(Volume(**asdict(volume)) for volume in job.volumes),
        tmpfs=tuple(Tmpfs(**asdict(tmpfs)) for tmpfs in job.tmpfs),
        devices=tuple(Device(**asdict(device)) for device in job.devices),
        limits=job.limits,
        ulimits=tuple(
            Ulimit(name=name, soft=limit.soft, hard=limit.hard)
            for name, limit in job.ulimits.items()
        ),
        sysctls=job.sysctls,
        network=job.network_mode,
        cgroup=job.cgroup,
        read_only=job.read_only,
        init=job.init,
        capabilities=effective_set(job.cap_add, job.cap_drop),
        no_new_privileges=job.security_opt.no_new_privileges,
        seccomp=job.security_opt.seccomp,
        stop_signal=job.stop_signal,
        merge_output=job.log.merge,
    )
