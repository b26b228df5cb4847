"""The containers of `pocker run` that no supervisor knows of, as the records of others are."""

from __future__ import annotations

from contextlib import closing

from runtime.directories import Directories
from runtime.errors import ContainerError
from supervisor.cli.failure import Failure
from supervisor.cli.listing import Listed
from supervisor.detached.attended import attended
from supervisor.detached.roster import Entry
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.states import RunState

_NOT_WRITTEN_DOWN = 0


def attended_rows(directories: Directories, now: float) -> list[Listed]:
    """What there is in these directories now, oldest first. Raises Failure."""
    try:
        entries = attended(directories).values()
    except ContainerError as error:
        raise Failure(str(error)) from error
    return [
        row_of(directories, entry, now) for entry in sorted(entries, key=lambda each: each.created)
    ]


def row_of(directories: Directories, entry: Entry, now: float) -> Listed:
    """One that runs, and that no supervisor knows of."""
    # Only where there is one is there any need for the means to look at it.
    from runtime.cgroups import CgroupGone, Cgroups
    from runtime.container.adopting import process_numbered, recorded_paths

    assert entry.container is not None, "it has one, or nobody would attend to it"
    directory = directories.container(entry.container)
    pid, memory, paused = None, None, False
    with closing(Cgroups.open()) as cgroups:
        try:
            cgroup = cgroups.open_existing(entry.container, recorded_paths(directory))
            memory, paused = cgroup.usage().memory_current, cgroup.is_frozen()
            process = process_numbered(1, cgroup)
        except CgroupGone:
            process = None  # just being made, or just going
    if process is not None:
        pid = process.pid
        process.close()
    return Listed(
        entry=entry,
        run=run_of(entry),
        attempt=attempt_of(entry, pid),
        memory=memory,
        paused=paused,
        now=now,
    )


def run_of(entry: Entry) -> RunRecord:
    """Its only run."""
    return RunRecord(
        id=_NOT_WRITTEN_DOWN,
        session=_NOT_WRITTEN_DOWN,
        job=entry.id,
        state=RunState.RUNNING,
        reason=None,
        detail="",
        exit_code=None,
        created=entry.created,
        started=entry.created,
        ended=None,
        retry_at=None,
        pauses=0,
    )


def attempt_of(entry: Entry, pid: int | None) -> AttemptRecord:
    """Its only attempt."""
    assert entry.container is not None, "it has one, or nobody would attend to it"
    return AttemptRecord(
        id=_NOT_WRITTEN_DOWN,
        run=_NOT_WRITTEN_DOWN,
        number=1,
        container=entry.container,
        boot="",
        pid=pid,
        health=None,
        stop_cause=None,
        stop_begun=None,
        reason=None,
        detail="",
        exit_code=None,
        signal=None,
        started=entry.created,
        ended=None,
        elapsed=None,
        memory_peak=None,
        cpu_seconds=None,
        io_read=None,
        io_write=None,
        oom_kills=None,
    )
