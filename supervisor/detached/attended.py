"""The containers that a `pocker run` in the foreground attends to.

Each has an entry like those that are written down, which lasts as long as somebody alive holds it,
and no supervisor. Their names are taken under the lock of the list of all others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from attrs import asdict, evolve

from runtime.attendance import Attendance, documents
from runtime.directories import Directories, LayerDirectory
from runtime.errors import ContainerError
from runtime.existence import is_there
from supervisor.detached.roster import PROJECT, Entry, Roster, read_entry


def attended(directories: Directories) -> Mapping[str, Entry]:
    """Those of these directories by their ids. Raises ContainerError."""
    entries = {}
    for document in _told(directories).values():
        try:
            entry = read_entry(json.loads(document))
        except (ValueError, TypeError):
            continue  # nobody has told of it yet, or it is another version's
        entries[entry.id] = entry
    return entries


def attended_ids(directories: Directories) -> set[str]:
    """The ids of all, whatever is told of them. Raises ContainerError."""
    return {
        container.removeprefix(f"{PROJECT}-").rpartition("-")[0] for container in _told(directories)
    }


def layer_of(directories: Directories, entry: Entry) -> LayerDirectory:
    """The writable layer of a container: one that lasts, unless it was never to. Raises OSError."""
    kept = directories.kept_layer(entry.id)
    if entry.container is None or is_there(kept.path):
        return kept
    return directories.container(entry.container).layer


def attended_names(directories: Directories) -> list[str]:
    """Their names. Raises ContainerError."""
    return [entry.name for entry in attended(directories).values()]


def attend(directories: Directories, entry: Entry) -> tuple[Entry, Attendance]:
    """Begin to attend to a container that is about to be made. Raises NameInUse.

    One without a name gets a new one.
    """
    assert entry.container is not None, "its id is known before it is made"
    container = entry.container

    def begin(name: str) -> tuple[Entry, Attendance]:
        named = evolve(entry, name=name)
        document = json.dumps(asdict(named)).encode()
        return named, Attendance.begin(directories, container, document)

    look = partial(attended_names, directories)
    return Roster.of(directories).reserve(entry.name or None, begin, look)


def _told(directories: Directories) -> Mapping[str, bytes]:
    try:
        return documents(directories)
    except OSError as error:
        raise ContainerError(f"read {error.filename}: {error.strerror}") from error
