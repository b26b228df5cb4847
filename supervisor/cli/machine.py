"""What this machine must have for a container: looked at when one is made, so that no start fails.

Devices, users and commands are looked for when it starts, as with Docker.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.limits import Limits
from runtime.units import parse_cpu_list
from supervisor.jobspec import JobSpec
from supervisor.runorder import OrderError

_ONLINE = Path("/sys/devices/system/cpu/online")


def check_machine(job: JobSpec) -> None:
    """Refuse processors, images and volumes that are not there. Raises OrderError."""
    check_cpus(job.limits)
    if job.limits.cpuset is not None:
        online = _ONLINE.read_text().strip()
        if not parse_cpu_list(job.limits.cpuset) <= parse_cpu_list(online):
            wanted = job.limits.cpuset
            raise OrderError(f"--cpuset-cpus: {wanted} is not available: there are {online}")
    if job.image is not None and job.image.startswith("/") and not os.path.isdir(job.image):
        raise OrderError(f"image {job.image}: no such directory")
    for source in (volume.source or "" for volume in job.volumes):
        if source.startswith("/") and not os.path.exists(source):
            raise OrderError(f"--volume or --mount: source {source} does not exist")


def check_cpus(limits: Limits) -> None:
    """Refuse more processors than the machine has. Raises OrderError."""
    if limits.cpus is None:
        return
    there = len(parse_cpu_list(_ONLINE.read_text().strip()))
    if limits.cpus > there:
        raise OrderError(f"--cpus: {limits.cpus:g} is more than the {there} CPUs available")
