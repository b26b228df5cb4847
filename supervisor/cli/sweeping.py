"""What is left of a `pocker run` in the foreground that was killed, container and all.

As a rule a process of its own waits for that and sees to it (`supervisor.cli.caretaker`). Where
that was killed as well, the next one who makes containers does so.
"""

from __future__ import annotations

import json

import click
import trio

from runtime.attendance import abandoned
from runtime.cgroups import CgroupGone
from runtime.container import Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.rootfs.writable import remove_layer
from runtime.volumes.store import FindUsers
from supervisor.detached.roster import Entry, Roster, read_entry


def sweep(directories: Directories, users: FindUsers) -> None:
    """Remove all that nobody attends to any more; what cannot be removed now is only told.

    Raises ContainerError.
    """
    for document, attendance in abandoned(directories):
        try:
            remove_rest(directories, read_entry(json.loads(document)), users)
        except ContainerError as error:
            click.echo(f"pocker: what a killed `run` has left is not removed: {error}", err=True)
            attendance.leave()
            continue
        except (ValueError, TypeError):
            pass  # killed before anything was made
        attendance.end()


def remove_rest(directories: Directories, entry: Entry, users: FindUsers) -> None:
    """Remove the container of an entry, unless a supervisor has it now. Raises ContainerError."""
    if entry.id not in Roster.of(directories).entries():
        assert entry.container is not None, "it has one, or nobody would have attended to it"
        trio.run(_remove, directories, entry.container, users)
        remove_layer(directories.kept_layer(entry.id))


async def _remove(directories: Directories, container_id: str, users: FindUsers) -> None:
    runtime = Runtime.open(directories, volume_users=users)
    try:
        async with runtime.adopted(container_id):
            pass
    except CgroupGone:
        return  # only files were left, which have gone as well
    finally:
        runtime.close()
