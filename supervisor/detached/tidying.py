"""What goes when containers have gone: first those that were to be removed in the end.

May be done by anybody at any time, and again: it only takes away what nobody can name any more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from runtime.directories import Directories, LayerDirectory
from runtime.rootfs.writable import remove_layer
from runtime.volumes.store import FindUsers, VolumeStore
from supervisor.detached.attended import attended_ids
from supervisor.detached.roster import Roster
from supervisor.journal import Journal
from supervisor.places import Places


def tidy(roster: Roster, journal: Journal, places: Places) -> bool:
    """Remove what is over; returns whether the roster has changed.

    Raises ContainerError or JournalError.
    """
    entries = roster.entries()
    over = [
        entry.id for entry in entries.values() if entry.remove and _has_ended(journal, entry.id)
    ]
    for identifier in over:
        roster.remove(identifier, volumes=True)
    kept = _kept(roster).difference(over)
    for job in journal.job_names():
        if job not in kept:
            _forget(journal, places, job)
    return bool(over)


def abandoned_layers(
    roster: Roster, journal: Journal, directories: Directories
) -> list[LayerDirectory]:
    """The writable layers that no container has any more. Raises ContainerError or JournalError."""
    # Looked at first: one that is made after this is that of a container which is written down.
    names = os.listdir(directories.kept_layers)
    # Whoever attends to a container gives it over in this order.
    kept = attended_ids(directories) | _kept(roster)
    return [
        directories.kept_layer(name)
        for name in names
        if name not in kept and not _runs(journal, name)
    ]


def remove_layers(layers: Iterable[LayerDirectory]) -> None:
    """Remove them; this may take long. Raises ContainerError."""
    for layer in layers:
        remove_layer(layer)


def remove_volumes(roster: Roster, store: VolumeStore, users: FindUsers) -> None:
    """Remove those that were to go with their containers; this may take long.

    One that is still in use goes the next time. Raises ContainerError.
    """
    doomed = roster.doomed_volumes()
    if doomed:
        store.remove_unused(doomed, users)
        roster.forget_volumes({*doomed}.difference(store.names()))


def _kept(roster: Roster) -> set[str | None]:
    """The ids of containers that are written down, readable or not."""
    return {*roster.entries(), *(each.id for each in roster.unreadable())}


def _runs(journal: Journal, identifier: str) -> bool:
    run = journal.last_run(identifier)
    return run is not None and not run.state.terminal


def _has_ended(journal: Journal, identifier: str) -> bool:
    run = journal.last_run(identifier)
    return run is not None and run.state.terminal


def _forget(journal: Journal, places: Places, job: str) -> None:
    """Forget the runs that have ended; first their logs, which nobody would find any more."""
    logs = Path(places.all_logs, job)
    for run in journal.runs(job=job):
        if run.state.terminal:
            shutil.rmtree(logs / str(run.id), ignore_errors=True)
    journal.forget_job(job)
    with suppress(OSError):  # another run of it is just ending
        logs.rmdir()
