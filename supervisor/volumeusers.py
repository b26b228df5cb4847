"""Who uses which volumes: containers that run or are written down, and the jobs of an `up`."""

from __future__ import annotations

from runtime.directories import Directories
from runtime.errors import VolumeError
from runtime.spec import names_volume
from runtime.volumes.usage import volumes_in_use
from supervisor.detached.attended import attended
from supervisor.detached.roster import Roster
from supervisor.holding import held_volumes
from supervisor.places import Places


def users_of_volumes(directories: Directories) -> dict[str, list[str]]:
    """Who uses each volume, those that people know by name first. Raises ContainerError."""
    own = directories.detached
    try:
        used = volumes_in_use(own) | volumes_in_use(directories)
    except OSError as error:
        raise VolumeError(f"read {error.filename}: {error.strerror}") from error
    names = {entry.container: entry.name for entry in attended(own).values()}
    known = held_volumes(Places(directories=directories))
    for entry in Roster.of(own).entries().values():
        for volume in entry.job.get("volumes", ()):
            if names_volume(volume["source"]):
                known.setdefault(volume["source"], []).append(f"container {entry.name}")
    for each in Roster.of(own).unreadable():
        for word in _words(each.raw):
            known.setdefault(word, []).append("a container that cannot be read")
    containers = {
        volume: [f"container {names.get(each, each)}" for each in ids]
        for volume, ids in used.items()
    }
    return containers | known


def _words(raw: object) -> set[str]:
    """Whatever may be the name of a volume in an entry of which nobody knows what it means."""
    if isinstance(raw, str):
        return {raw.partition(":")[0]}
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    return set().union(*map(_words, parts))
