"""`pocker inspect`: all that is known about jobs, containers, images and volumes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.nearest import did_you_mean
from runtime.volumes.owning import own_volumes
from supervisor.cli import candidates
from supervisor.cli.attendedrows import attended_rows
from supervisor.cli.dockerview import Made, Viewed
from supervisor.cli.documents import attempt_document, newest, run_document
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, NoSuchContainer, find, known_names
from supervisor.cli.moments import rfc3339
from supervisor.cli.records import last_run, open_journal, paused_jobs
from supervisor.cli.settings import Settings
from supervisor.cli.turns import show_in_turn
from supervisor.containerspec import own_config
from supervisor.detached.reading import job_of
from supervisor.detached.roster import Roster
from supervisor.images import known_image_of
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptRecord, Journal, RunRecord
from supervisor.problems import JobsFileError
from supervisor.sources import open_jobsfile

KINDS = ("container", "image", "volume")
"""In the order in which they are looked through, as Docker does it."""


@click.command
@click.option(
    "-f", "--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.State.Status}}'."
)
@click.option("--type", "kind", type=click.Choice(KINDS), help="Look among nothing else.")
@click.argument(
    "names",
    nargs=-1,
    required=True,
    metavar="NAME...",
    shell_complete=candidates.everything,
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], form: str | None, kind: str | None) -> None:
    """Show all that is known about jobs, containers, images or volumes, as a JSON array.

    A NAME that several have means the first of these. What Docker tells is there by Docker's
    names. Of jobs and containers there are also the definition, all runs and all attempts; `Config`
    is what comes of definition and image. The definition of a job is the one that the file of the
    last run has now; null if it has none any more.
    """
    looks = [_LOOKS[each] for each in KINDS if kind in (None, each)]

    def document(name: str) -> Mapping[str, Any]:
        known: list[str] = []
        for look in looks:
            found = look(settings, name, known)
            if found is not None:
                return found
        raise Failure(f"no such {kind or 'object'}: {name}{did_you_mean(name, known)}")

    show_in_turn(names, document, form)


def _look_for_container(
    settings: Settings, name: str, known: list[str]
) -> Mapping[str, Any] | None:
    try:
        return _document(find(settings, name))
    except NoSuchContainer:
        known += known_names(settings)
        return None


def _look_for_image(settings: Settings, name: str, known: list[str]) -> Mapping[str, Any] | None:
    # Each kind pays for its own imports only.
    from runtime.images.naming import familiar_names
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.inspection import image_document

    with image_store(settings) as store:
        if store.has(name):
            return image_document(store, store.find(name))
        known += familiar_names(store.entries())
        return None


def _look_for_volume(settings: Settings, name: str, known: list[str]) -> Mapping[str, Any] | None:
    from supervisor.cli.volume.access import volume_document, volume_store

    with volume_store(settings) as store:
        names = store.names()
        if name in names:
            return volume_document(store.find(name))
        known += names
        return None


_LOOKS = {
    "container": _look_for_container,
    "image": _look_for_image,
    "volume": _look_for_volume,
}
"""Each returns what is known of the one with a name, or else adds to the names that there are."""


def _document(found: Found) -> Mapping[str, Any]:
    with open_journal(found.settings) as journal:
        about, spec = _of_job(found, journal) if found.entry is None else _of_entry(found)
        runs = [] if journal is None else journal.runs(job=found.job)
        attempts = {run.id: journal.attempts(run.id) for run in runs if journal is not None}
    paused = bool(runs) and not runs[-1].state.terminal and _is_paused(found)
    if found.attended:
        runs, attempts, paused = _attended(found)
    return {
        **_dockers(found, spec, runs, attempts, paused=paused).document(),
        **about,
        "spec": None if spec is None else attrs.asdict(spec) | _asked(found),
        "state": runs[-1].state if runs else "created",
        "runs": [
            {
                **run_document(run),
                "attempts": [attempt_document(attempt) for attempt in attempts[run.id]],
            }
            for run in runs
        ],
    }


def _is_paused(found: Found) -> bool:
    return found.job in paused_jobs(found.settings)


def _attended(
    found: Found,
) -> tuple[list[RunRecord], dict[int, list[AttemptRecord]], bool]:
    """The only run and attempt of a `pocker run`, and whether it is paused."""
    rows = attended_rows(found.settings.directories, time.time())
    for row in rows:
        if row.entry.id == found.job and row.run is not None and row.attempt is not None:
            return [row.run], {row.run.id: [row.attempt]}, row.paused
    raise Failure(f"no such container: {found.word}")  # it has just ended


def _asked(found: Found) -> dict[str, Any]:
    """The image by the name that it was asked for by: what is carried out has its digest."""
    return {} if found.entry is None else {"image": found.entry.job["image"]}


def _of_entry(found: Found) -> tuple[Mapping[str, Any], JobSpec]:
    entry = found.entry
    assert entry is not None
    try:
        spec = job_of(entry, Roster.of(found.settings.directories).path)
    except JobsFileError as error:
        raise Failure(str(error)) from error
    about = {
        "id": entry.id,
        "name": entry.name,
        "created": rfc3339(entry.created),
        "remove": entry.remove,
    }
    return about, spec


def _of_job(found: Found, journal: Journal | None) -> tuple[Mapping[str, Any], JobSpec | None]:
    run = last_run(journal, found.job)
    assert journal is not None, "a journal without runs has no last run"
    file = journal.session(run.session).file
    try:
        spec = open_jobsfile(Path(file), os.environ).jobs.get(found.job)
    except JobsFileError:
        spec = None
    return {"job": found.job, "file": file}, spec


def _dockers(
    found: Found,
    spec: JobSpec | None,
    runs: Sequence[RunRecord],
    attempts: Mapping[int, Sequence[AttemptRecord]],
    *,
    paused: bool,
) -> Viewed:
    run = runs[-1] if runs else None
    made = [] if run is None else attempts[run.id]
    entry = found.entry
    return Viewed(
        id=(made[-1].container if made else "") if entry is None else entry.id,
        name=found.name,
        created=entry.created if entry is not None else runs[-1].created,
        made=None if spec is None else _made_of(spec, found, newest(made)),
        run=run,
        attempt=newest(made),
        attempts=len(made),
        paused=paused,
        remove=entry is not None and entry.remove,
    )


def _made_of(spec: JobSpec, found: Found, attempt: AttemptRecord | None) -> Made:
    image = known_image_of(spec, found.settings.directories)
    config = ImageConfig() if image is None else image.config
    with suppress(SpecError):  # it has become another one, with which the job cannot start
        config = own_config(spec, config)
    return Made(
        spec=spec,
        image=_asked(found).get("image", spec.image or ""),
        id="" if image is None else image.id,
        config=config,
        volumes=found.settings.directories.volumes,
        own_volumes={} if attempt is None else _own_volumes(found, attempt),
    )


def _own_volumes(found: Found, attempt: AttemptRecord) -> Mapping[str, str]:
    """Those of its container, as long as that is there. Raises Failure."""
    try:
        return own_volumes(found.settings.directories.container(attempt.container))
    except (OSError, ValueError) as error:
        raise Failure(f"container {attempt.container}: read its volumes: {error}") from error
