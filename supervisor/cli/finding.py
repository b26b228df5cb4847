"""Which container a word means: one of `run -d` by its name or id, or that of a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import evolve, frozen

from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.nearest import did_you_mean
from supervisor.cli.failure import Failure
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.detached.attended import attended
from supervisor.detached.roster import Entry, Roster, Unreadable
from supervisor.journal import JournalReader


class NoSuchContainer(Failure):
    """No container, and no job, is called so."""


@frozen(kw_only=True)
class Found:
    """A container. `settings` are those of whoever supervises it, to whom it is the job `job`."""

    settings: Settings
    job: str
    name: str
    """What people call it."""
    entry: Entry | None = None
    """Where no jobs file tells of it."""
    attended: bool = False
    """Whether a `pocker run` in the foreground attends to it, and no supervisor."""
    word: str = ""
    """What it was called now."""


def entries_of(settings: Settings) -> dict[str, Entry]:
    """The containers that no jobs file tells of, by id. Raises Failure."""
    with _read(settings) as roster:
        return roster.entries()


def unreadable_of(settings: Settings) -> list[Unreadable]:
    """What else is in their list. Raises Failure."""
    with _read(settings) as roster:
        return roster.unreadable()


@contextmanager
def _read(settings: Settings) -> Iterator[Roster]:
    try:
        yield Roster.of(settings.detached.directories)
    except ContainerError as error:
        raise Failure(str(error)) from error


def find(settings: Settings, word: str) -> Found:
    """The container that a word means. Raises Failure.

    In this order: the name or id of one of `run`, a job's name, the beginning of an id that no
    other begins with.
    """
    return evolve(_find(settings, word), word=word)


def _find(settings: Settings, word: str) -> Found:
    containers = all_containers(settings)
    for found in containers:
        if found.entry is not None and word in (found.entry.name, found.entry.id):
            return found
    with open_journal(settings) as journal:
        jobs = [] if journal is None else journal.job_names()
        running = {} if journal is None else _running(journal)
    if word in jobs:
        return Found(settings=settings, job=word, name=word)
    meant = [found for found in containers if found.job.startswith(word)]
    meant += [
        Found(settings=settings, job=job, name=job)
        for container, job in running.items()
        if container.startswith(word)
    ]
    if len(meant) == 1 and word:
        return meant[0]
    if meant and word:
        names = ", ".join(each.name for each in meant)
        raise Failure(f"{word} is the beginning of several ids: {names}")
    known = [*(found.name for found in containers), *jobs]
    raise NoSuchContainer(f"no such container: {word}{did_you_mean(word, known)}")


def all_containers(settings: Settings) -> list[Found]:
    """Those that no jobs file tells of. Raises Failure."""
    attended = attended_entries(settings).values()
    entries = entries_of(settings)
    return [
        *(of_entry(settings, entry) for entry in entries.values()),
        *(
            evolve(of_entry(settings, entry), attended=True)
            for entry in attended
            if entry.id not in entries
        ),
    ]


def known_names(settings: Settings) -> list[str]:
    """The names of all containers of `run`, and of all jobs."""
    with open_journal(settings) as journal:
        jobs = [] if journal is None else journal.job_names()
    return [*(found.name for found in all_containers(settings)), *jobs]


def find_all(settings: Settings, words: Sequence[str]) -> list[Found]:
    """What words mean, each container once. Raises Failure."""
    found = {(each.settings, each.job): each for each in (find(settings, word) for word in words)}
    return [*found.values()]


def find_kept(settings: Settings, word: str) -> tuple[Found, Entry]:
    """One of `run -d`, and what is written down of it. Raises Failure."""
    found = find(settings, word)
    if found.entry is None:
        raise Failure(f"{word} is a job of `up`, and no container of `run -d`")
    require_supervised(found)
    return found, found.entry


def has_ended(found: Found) -> bool:
    """Whether it does not run, and will not by itself."""
    if has_run(found.settings, found.job):
        return has_ended_run(found.settings, found.job)
    return not _runs_unknown(found)


def require_run(found: Found) -> None:
    """Raise Failure for a container that was only created."""
    created = found.entry is not None and not _runs_unknown(found)
    if created and not has_run(found.settings, found.job):
        raise Failure(f"container {found.name} was never started")


def _runs_unknown(found: Found) -> bool:
    """Whether it runs although it has no run: its user attends to it, or has just left it."""
    return found.entry is not None and found.entry.container is not None


def running_container(settings: Settings, wanted: str) -> tuple[Directories, str]:
    """Where the container is that a word means, and its id there. Raises Failure."""
    meant = find(settings, wanted)
    container = current_container(meant)
    if container is None:
        raise Failure(f"container {wanted} is not running")
    return meant.settings.directories, container


def attended_entries(settings: Settings) -> Mapping[str, Entry]:
    """The containers of every `pocker run` in the foreground, by id. Raises Failure."""
    try:
        return attended(settings.detached.directories)
    except ContainerError as error:
        raise Failure(str(error)) from error


def require_supervised(found: Found) -> None:
    """Raise Failure for a container that only its `pocker run` knows enough of."""
    if found.attended:
        raise Failure(f"container {found.name} is that of a `pocker run` in the foreground")


def current_container(found: Found) -> str | None:
    """The container of its attempt that has not ended."""
    with open_journal(found.settings) as journal:
        run = None if journal is None else journal.last_run(found.job)
        if journal is None or run is None:
            return None if found.entry is None else found.entry.container
        attempts = journal.attempts(run.id)
    return attempts[-1].container if attempts and attempts[-1].ended is None else None


def has_run(settings: Settings, job: str) -> bool:
    """Whether a run of it was ever begun."""
    with open_journal(settings) as journal:
        return journal is not None and journal.last_run(job) is not None


def has_ended_run(settings: Settings, job: str) -> bool:
    """Whether its newest run has ended."""
    with open_journal(settings) as journal:
        run = None if journal is None else journal.last_run(job)
        return run is not None and run.state.terminal


def of_entry(settings: Settings, entry: Entry) -> Found:
    """The container that an entry tells of."""
    return Found(settings=settings.detached, job=entry.id, name=entry.name, entry=entry)


def _running(journal: JournalReader) -> dict[str, str]:
    """The jobs by the containers of their unfinished runs."""
    return {
        attempt.container: run.job
        for run in journal.unfinished_runs()
        for attempt in journal.attempts(run.id)[-1:]
    }
