"""What became of containers: a line for each that was made, renamed, changed or removed.

Written by whoever changes the list of containers, and so while the lock of that is held. Only the
newest lines are kept. What cannot be noted is in nobody's way: a full disk has to be cleared by
removing what has filled it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict, frozen

from runtime.replacing import replace_file

if TYPE_CHECKING:
    from supervisor.detached.roster import Entry

_OLD_NAME = "oldName"
MOST = 256
"""How many lines are left when there were twice as many; as many as Docker remembers."""


@frozen(kw_only=True)
class Note:
    """One thing that became of a container; numbers grow, `time` is seconds since the epoch."""

    number: int
    time: float
    action: str
    id: str
    attributes: Mapping[str, str]
    """Its name, its image, its labels, and what is more."""

    @property
    def lasting(self) -> Mapping[str, str]:
        """Those attributes that are not about this alone."""
        return {key: value for key, value in self.attributes.items() if key != _OLD_NAME}


@frozen
class Notes:
    """The lines at `path`."""

    path: str

    def all(self) -> list[Note]:
        """Those that are kept, oldest first. Raises OSError."""
        try:
            lines = Path(self.path).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            # The last one may have been cut by a kill, or by a disk that is full.
            with suppress(ValueError, TypeError):
                found.append(Note(**json.loads(line)))
        return found

    def add(self, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> None:
        """Note what has changed from one list to the next."""
        changes = [*_changes(before, after)]
        if not changes:
            return
        with suppress(OSError):
            kept = self.all()
            number = kept[-1].number if kept else 0
            now = time.time()
            added = [
                Note(number=n, time=now, action=action, id=entry.id, attributes=about)
                for n, (action, entry, about) in enumerate(changes, number + 1)
            ]
            if len(kept) >= 2 * MOST:
                replace_file(self.path, _lines([*kept[-MOST:], *added]), alone=True)
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(self.path, flags, 0o600)
            try:
                # Behind a line that was cut a new one begins.
                os.write(fd, b"\n" + _lines(added))
            finally:
                os.close(fd)


def attributes_of(entry: Entry) -> Mapping[str, str]:
    """What is told of a container whatever happens to it; labels stand beside name and image."""
    return {**entry.labels, "image": str(entry.job["image"]), "name": entry.name}


def _changes(
    before: Mapping[str, Entry], after: Mapping[str, Entry]
) -> Iterator[tuple[str, Entry, Mapping[str, str]]]:
    for identifier, entry in before.items():
        if identifier not in after:
            yield "destroy", entry, attributes_of(entry)
    for identifier, entry in after.items():
        old = before.get(identifier)
        if old is None:
            yield "create", entry, attributes_of(entry)
            continue
        if old.name != entry.name:
            yield "rename", entry, {**attributes_of(entry), _OLD_NAME: f"/{old.name}"}
        if old.job != entry.job:
            yield "update", entry, attributes_of(entry)


def _lines(notes: list[Note]) -> bytes:
    return "".join(f"{json.dumps(asdict(note))}\n" for note in notes).encode()
