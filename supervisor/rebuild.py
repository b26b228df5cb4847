"""The state database where it is damaged: the damaged one is kept, a new one is begun.

What still runs is told by the documents that lie beside the containers. What had ended before is
not known any more: only its logs are left, and runs get numbers that those do not have.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from attrs import asdict, frozen

from runtime.directories import ContainerDirectory, Directories
from supervisor.journal import Journal, JournalCorrupt, JournalError
from supervisor.places import Places

log = structlog.stdlib.get_logger()

_PARTS = ("", "-wal", "-shm")


@frozen(kw_only=True)
class Document:
    """Whose a container is; lies beside it from before its start."""

    container: str
    file: str
    project: str
    job: str
    run: int
    attempt: int
    boot: str
    definition: str = ""
    """The digest of the definition that it was made of; empty from an earlier version."""

    @classmethod
    def read(cls, directory: ContainerDirectory) -> Document:
        """The document beside a container. Raises OSError, ValueError or TypeError."""
        return cls(**json.loads(Path(directory.document).read_text()))

    def write(self, directory: ContainerDirectory) -> None:
        """Put the document where the container is, if there is none."""
        with suppress(FileExistsError), open(directory.document, "x") as file:
            json.dump(asdict(self), file)


def open_journal(places: Places) -> Journal:
    """Open the state database, or what can be made of it. Raises JournalError."""
    try:
        return Journal.open(places.database)
    except JournalCorrupt as error:
        kept = _set_aside(places.database)
        log.warning("state database damaged, kept aside", cause=str(error), kept=str(kept))
    journal = Journal.open(places.database)
    documents = list(_documents(places.directories))
    with journal.transaction():
        journal.skip_runs(_last_run_with_logs(places))
        sessions: dict[str, int] = {}
        for document in documents:
            if document.file not in sessions:
                sessions[document.file] = journal.begin_session(
                    document.file, document.project, os.getpid()
                )
            journal.restore_run(sessions[document.file], document.job, document.run)
            journal.begin_attempt(document.run, document.attempt, document.container, document.boot)
    log.warning("state database begun anew", running=[document.job for document in documents])
    return journal


def _set_aside(database: Path) -> Path:
    kept = database.with_name(f"{database.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    try:
        for part in _PARTS:
            with suppress(FileNotFoundError):
                os.rename(f"{database}{part}", f"{kept}{part}")
    except OSError as error:
        raise JournalError(f"keep damaged state database {database}: {error}") from error
    return kept


def _documents(directories: Directories) -> Iterator[Document]:
    for name in sorted(os.listdir(directories.containers)):
        try:
            yield Document.read(directories.container(name))
        except (OSError, ValueError, TypeError) as error:
            log.warning("container without a document", container=name, cause=str(error))


def _last_run_with_logs(places: Places) -> int:
    runs = Path(places.all_logs).glob("*/[0-9]*")
    return max((int(run.name) for run in runs if run.name.isdigit()), default=0)
