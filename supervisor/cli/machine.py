"""What this machine must have for a container: looked at when one is made, so that no start fails.

Devices, users and commands are looked for when it starts, as with Docker.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.limits import Limits
from supervisor.jobspec import JobSpec
from supervisor.runorder import OrderError

_ONLINE = Path("/sys/devices/system/cpu/online")


def check_machine(job: JobSpec) -> None:
    """Refuse processors, images and volumes that are not there. Raises OrderError."""
    check_cpus(job.limits)
    online = _ONLINE.read_text().strip()
    if job.limits.cpuset is not None and not cpus_of(job.limits.cpuset) <= cpus_of(online):
        raise OrderError(f"--cpuset-cpus: {job.limits.cpuset} is not available: there are {online}")
    if job.image is not None and job.image.startswith("/") and not os.path.isdir(job.image):
        raise OrderError(f"image {job.image}: no such directory")
    for source in (volume.source or "" for volume in job.volumes):
        if source.startswith("/") and not os.path.exists(source):
            raise OrderError(f"--volume or --mount: source {source} does not exist")


def check_cpus(limits: Limits) -> None:
    """Refuse more processors than the machine has. Raises OrderError."""
    there = len(cpus_of(_ONLINE.read_text().strip()))
    if limits.cpus is not None and limits.cpus > there:
        raise OrderError(f"--cpus: {limits.cpus:g} is more than the {there} CPUs available")


def cpus_of(text: str) -> frozenset[int]:
    """The numbers of a list such as ``0-3,6``."""
    parts = (part.partition("-") for part in text.split(","))
    return frozenset(
        number for first, _, last in parts for number in range(int(first), int(last or first) + 1)
    )
