"""What containers there are that no jobs file tells of: one document, changed as a whole.

A change is a new file under the old name, synced before it takes its place, so a reader never sees
a part of one and a kill leaves either the old or the new. Whoever changes it holds a lock. An entry
that cannot be read is in no other's way, and stays in the document as it is. An id is never given
twice, so what the state database says of a container that has gone is never taken for
another one's that has got its name. The volumes that go with a container are noted in the same
change that forgets it, and stay noted until they have gone.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from attrs import asdict, evolve, field, frozen

from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.locking import locked
from runtime.replacing import replace_file
from supervisor.detached.naming import new_id, new_name
from supervisor.detached.notes import Notes

T = TypeVar("T")
Names: TypeAlias = Callable[[], Collection[str]]
"""Looks which names are in use by containers that somebody attends to."""

PROJECT = "run"
"""The names of the containers' cgroups begin with it."""


class NameInUse(ContainerError):
    """Another container has the name."""


@frozen(kw_only=True)
class Entry:
    """One container; `job` is its table, as it would stand in a jobs file."""

    id: str
    name: str
    created: float
    """Seconds since the epoch."""
    remove: bool
    """Whether it is removed when it has ended."""
    job: Mapping[str, Any]
    begun: bool = True
    """Whether it was ever to be started."""
    image: str | None = None
    """The digest of the image of the store that it was made of, whatever has its name now."""
    volumes: tuple[str, ...] = ()
    """The volumes among its own that nobody has named; the names were made up for it."""
    container: str | None = None
    """The one that its user had when it was written down, or has while he attends to it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels; they are written down as on the command line."""
        labels = (str(label).partition("=") for label in self.job.get("labels", ()))
        return {key: value for key, _, value in labels}

    @property
    def table(self) -> Mapping[str, Any]:
        """The job that is carried out."""
        return self.job if self.image is None else {**self.job, "image": self.image}


@frozen(kw_only=True)
class Unreadable:
    """An entry that is no container to this version, and why."""

    raw: object
    why: str

    @property
    def id(self) -> str | None:
        """Its id, if that at least is there."""
        identifier = self.raw.get("id") if isinstance(self.raw, dict) else None
        return identifier if isinstance(identifier, str) else None


@frozen(kw_only=True)
class _Contents:
    """What the document says; whoever changes the document changes this."""

    entries: dict[str, Entry] = field(factory=dict)
    unreadable: list[Unreadable] = field(factory=list)
    doomed: list[str]


@frozen
class Roster:
    """The document at `path`."""

    path: str

    @classmethod
    def of(cls, directories: Directories) -> Roster:
        """That of these directories, which are the containers' own."""
        return cls(f"{directories.state}/containers.json")

    @property
    def notes(self) -> Notes:
        """What became of the containers, those that have gone as well."""
        return Notes(f"{os.path.dirname(self.path)}/containers.log")

    def entries(self) -> dict[str, Entry]:
        """All containers by id, oldest first. Raises ContainerError."""
        return self._read().entries

    def unreadable(self) -> list[Unreadable]:
        """The entries that are kept as they are. Raises ContainerError."""
        return self._read().unreadable

    def doomed_volumes(self) -> list[str]:
        """The volumes that are to go, for their containers have gone. Raises ContainerError."""
        return self._read().doomed

    def forget_volumes(self, names: Collection[str]) -> None:
        """Forget volumes that were to go: they have gone, or are somebody else's now."""
        with self._changed() as contents:
            contents.doomed[:] = [each for each in contents.doomed if each not in names]

    def _read(self) -> _Contents:
        containers, doomed = self._document()
        contents = _Contents(doomed=doomed)
        for position, raw in enumerate(containers):
            try:
                entry = read_entry(raw)
                contents.entries[entry.id] = entry
            except TypeError as error:
                why = f"{self.path}: containers[{position}] cannot be read: {error}"
                contents.unreadable.append(Unreadable(raw=raw, why=why))
        return contents

    def _document(self) -> tuple[list[object], list[str]]:
        try:
            document = json.loads(Path(self.path).read_bytes())
            return list(document["containers"]), list(map(str, document["doomed_volumes"]))
        except FileNotFoundError:
            return [], []
        except OSError as error:
            raise ContainerError(f"read {self.path}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ContainerError(f"{self.path}: is no list of containers: {error}") from error

    def add(
        self, name: str | None, make: Callable[[str, str], Entry], attended: Names = tuple
    ) -> Entry:
        """Write down a new container, made of its id and name. Raises NameInUse.

        Without a name it gets a new one.
        """
        with self._changed() as contents:
            identifier = new_id(contents.entries, random.SystemRandom())
            entry = make(identifier, _free_name(contents, name, attended()))
            contents.entries[entry.id] = entry
        return entry

    def reserve(self, name: str | None, take: Callable[[str], T], attended: Names) -> T:
        """Take a name for a container that is not written down. Raises NameInUse.

        Whoever comes next finds it among those of the `attended`.
        """
        with self._changed() as contents:
            return take(_free_name(contents, name, attended()))

    def take_over(self, entry: Entry) -> None:
        """Write down a container that somebody has attended to."""
        with self._changed() as contents:
            contents.entries[entry.id] = entry

    def begin(self, identifier: str) -> None:
        """Let a container be started that was only created."""
        with self._changed() as contents:
            entries = contents.entries
            if identifier in entries:
                entries[identifier] = evolve(entries[identifier], begun=True)

    def revise(self, identifier: str, changes: Mapping[str, Any]) -> None:
        """Give keys of a container's table other values; one that has gone stays away."""
        with self._changed() as contents:
            entries = contents.entries
            if identifier in entries:
                entry = entries[identifier]
                entries[identifier] = evolve(entry, job={**entry.job, **changes})

    def remove_in_the_end(self, identifier: str) -> None:
        """Let a container be removed when it has ended."""
        with self._changed() as contents:
            entries = contents.entries
            if identifier in entries:
                entries[identifier] = evolve(entries[identifier], remove=True)

    def remove(self, identifier: str, *, volumes: bool = False) -> None:
        """Forget a container; one that has gone already is forgotten.

        With `volumes` those that nobody has named are to go, unless another container has them.
        """
        with self._changed() as contents:
            entry = contents.entries.pop(identifier, None)
            if entry is not None and volumes:
                named = {
                    volume.get("source")
                    for other in contents.entries.values()
                    for volume in other.job.get("volumes", ())
                }
                contents.doomed.extend(each for each in entry.volumes if each not in named)

    def rename(self, identifier: str, name: str, attended: Names = tuple) -> None:
        """Give a container another name. Raises NameInUse, or KeyError for one that has gone."""
        with self._changed() as contents:
            entry = contents.entries[identifier]
            contents.entries[identifier] = evolve(
                entry, name=_free_name(contents, name, attended())
            )

    @contextmanager
    def _changed(self) -> Iterator[_Contents]:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(f"{self.path}.lock"))
            except OSError as error:
                raise ContainerError(f"open {self.path}.lock: {error.strerror}") from error
            before = self._read()
            contents = evolve(before, entries={**before.entries}, doomed=[*before.doomed])
            yield contents
            if contents != before:
                self._write(contents)
                self.notes.add(before.entries, contents.entries)

    def _write(self, contents: _Contents) -> None:
        unreadable = [each.raw for each in contents.unreadable]
        document = {
            "containers": [*map(asdict, contents.entries.values()), *unreadable],
            "doomed_volumes": contents.doomed,
        }
        try:
            replace_file(self.path, json.dumps(document, indent=1).encode(), alone=True)
        except OSError as error:
            raise ContainerError(f"write {self.path}: {error.strerror}") from error


def _free_name(contents: _Contents, name: str | None, attended: Collection[str]) -> str:
    """This name, or a new one, if no container has it. Raises NameInUse."""
    names = {entry.name: entry.id for entry in contents.entries.values()}
    if name is None:
        return new_name({*names, *attended}, random.SystemRandom())
    if name in names or name in attended:
        raise NameInUse(in_use(name, names.get(name, name)))
    return name


def in_use(name: str, identifier: str) -> str:
    """What is said to whoever wants a name that a container has."""
    return (
        f"the container name {name} is already in use by container {identifier}:"
        " remove or rename that one, or use another name"
    )


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "id": str, "name": str, "created": (int, float), "remove": bool, "job": dict, "begun": bool,
    "image": (str, type(None)), "volumes": list, "container": (str, type(None)),
}  # fmt: skip


def read_entry(raw: object) -> Entry:
    """An entry of what JSON makes of it. Raises TypeError for what is none."""
    if not isinstance(raw, dict):
        raise TypeError("it is no table")
    for key, value in raw.items():
        if key not in _KINDS:
            raise TypeError(f"unknown key {key!r}")
        if not isinstance(value, _KINDS[key]):
            raise TypeError(f"{key} is {value!r}")
    missing = [key for key in _KINDS if key not in raw]
    if missing:
        raise TypeError(f"it has no {', '.join(missing)}")
    if not isinstance(raw["job"].get("image"), str):
        raise TypeError("its job has no image")
    return Entry(**{**raw, "volumes": tuple(raw["volumes"])})
