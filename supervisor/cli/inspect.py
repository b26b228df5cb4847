"""`pocker inspect`: all that is known about jobs and containers, for programs and for people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.volumes.owning import own_volumes
from supervisor.cli import candidates
from supervisor.cli.dockerview import Made, Viewed
from supervisor.cli.documents import attempt_document, newest, run_document
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find_all
from supervisor.cli.format import echo_rendered, print_json
from supervisor.cli.moments import rfc3339
from supervisor.cli.records import last_run, open_journal, paused_jobs
from supervisor.cli.settings import Settings
from supervisor.containerspec import own_config
from supervisor.detached.reading import job_of
from supervisor.detached.roster import Roster
from supervisor.images import known_image_of
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptRecord, Journal, RunRecord
from supervisor.problems import JobsFileError
from supervisor.sources import open_jobsfile


@click.command
@click.option(
    "-f", "--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.State.Status}}'."
)
@click.argument(
    "names",
    nargs=-1,
    required=True,
    metavar="JOB|CONTAINER...",
    shell_complete=candidates.known,
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], form: str | None) -> None:
    """Show the definition of jobs or containers, all their runs and all attempts, as a JSON array.

    What Docker tells of a container is there by Docker's names, `Config` being what comes of its
    definition and its image. The definition of a job is the one that the file of the last run has
    now; null if it has none any more.
    """
    documents = [_document(found) for found in find_all(settings, names)]
    if form is None:
        print_json(documents)
    else:
        echo_rendered(form, documents)


def _document(found: Found) -> Mapping[str, Any]:
    with open_journal(found.settings) as journal:
        about, spec = _of_job(found, journal) if found.entry is None else _of_entry(found)
        runs = [] if journal is None else journal.runs(job=found.job)
        attempts = {run.id: journal.attempts(run.id) for run in runs if journal is not None}
    return {
        **_dockers(found, spec, runs, attempts).document(),
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


def _asked(found: Found) -> dict[str, Any]:
    """The image by the name that it was asked for by: what is carried out has its digest."""
    return {} if found.entry is None else {"image": found.entry.job["image"]}


def _of_entry(found: Found) -> tuple[Mapping[str, Any], JobSpec]:
    entry = found.entry
    assert entry is not None
    spec = job_of(entry, Roster.of(found.settings.directories).path)
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
) -> Viewed:
    run = runs[-1] if runs else None
    made = [] if run is None else attempts[run.id]
    alive = run is not None and not run.state.terminal
    entry = found.entry
    return Viewed(
        id=(made[-1].container if made else "") if entry is None else entry.id,
        name=found.name,
        created=entry.created if entry is not None else runs[-1].created,
        made=None if spec is None else _made_of(spec, found, newest(made)),
        run=run,
        attempt=newest(made),
        attempts=len(made),
        paused=alive and found.job in paused_jobs(found.settings),
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
