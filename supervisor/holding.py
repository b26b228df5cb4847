"""The volumes of an `up`: they are its jobs' from its begin to its end, also between their runs.

Written down before the first job begins and forgotten when all have ended in order. After a kill
they are held until the next `up` or `down` has seen to what was left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from runtime.errors import VolumeError
from runtime.replacing import replace_file
from runtime.spec import names_volume
from supervisor.jobspec import JobSpec
from supervisor.places import Places


def hold_volumes(places: Places, jobs: Iterable[JobSpec]) -> None:
    """Let these jobs, and no others, hold what they name. Raises VolumeError."""
    held = {
        job.name: names
        for job in jobs
        if (names := [*filter(names_volume, (each.source or "" for each in job.volumes))])
    }
    try:
        if held:
            replace_file(str(places.held_volumes), json.dumps(held).encode(), alone=True)
        else:
            places.held_volumes.unlink(missing_ok=True)
    except OSError as error:
        raise VolumeError(f"write {places.held_volumes}: {error.strerror}") from error


def held_volumes(places: Places) -> dict[str, list[str]]:
    """The jobs that hold each volume. Raises VolumeError."""
    held: dict[str, list[str]] = {}
    try:
        for job, names in json.loads(places.held_volumes.read_bytes()).items():
            for name in names:
                held.setdefault(name, []).append(f"job {job}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise VolumeError(f"read {places.held_volumes}: {error}") from error
    return held
