"""`pocker inspect`: all that is known about jobs, for programs and for people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import click

from runtime.directories import Directories
from runtime.errors import SpecError
from runtime.images.config import ImageConfig, write_config
from supervisor.cli import candidates
from supervisor.cli.documents import attempt_document, run_document
from supervisor.cli.finding import Found, find_all
from supervisor.cli.format import echo_rendered, print_json
from supervisor.cli.moments import rfc3339
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.containerspec import names_image, own_config
from supervisor.detached.roster import PROJECT
from supervisor.images import known_image_of
from supervisor.jobsfile import read_tables
from supervisor.jobspec import JobSpec
from supervisor.journal import Journal
from supervisor.problems import JobsFileError
from supervisor.sources import open_jobsfile


@click.command
@click.option("--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.state}}'.")
@click.argument(
    "names", nargs=-1, required=True, metavar="JOB|CONTAINER...", shell_complete=candidates.known
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], form: str | None) -> None:
    """Show the definition of jobs or containers, all their runs and all attempts, as a JSON array.

    The definition of a job is the one that the file of the last run has now; null if it has none
    any more. `config` is what comes of it together with its image, in an image's words.
    """
    documents = [_document(found) for found in find_all(settings, names)]
    if form is None:
        print_json(documents)
    else:
        echo_rendered(form, documents)


def _document(found: Found) -> Mapping[str, Any]:
    with open_journal(found.settings) as journal:
        if found.entry is None:
            run = last_run(journal, found.job)
            assert journal is not None, "a journal without runs has no last run"
            file = journal.session(run.session).file
            spec = _spec(file, found.job)
            return (
                {"job": found.job, "file": file}
                | _definition(found, spec)
                | _history(journal, found.job)
            )
        entry = found.entry
        return (
            {
                "id": entry.id,
                "name": entry.name,
                "created": rfc3339(entry.created),
                "remove": entry.remove,
            }
            | _definition(found, _spec_of(found))
            | _history(journal, found.job)
        )


def _history(journal: Journal | None, job: str) -> dict[str, Any]:
    runs = [] if journal is None else journal.runs(job=job)
    return {
        "state": runs[-1].state if runs else "created",
        "runs": [
            {
                **run_document(each),
                "attempts": [
                    attempt_document(attempt)
                    for attempt in ([] if journal is None else journal.attempts(each.id))
                ],
            }
            for each in runs
        ],
    }


def _definition(found: Found, spec: JobSpec | None) -> dict[str, Any]:
    """What was asked for, and what comes of it together with the image."""
    if spec is None:
        return {"spec": None, "config": None}
    return {"spec": attrs.asdict(spec), "config": _config(spec, found.settings.directories)}


def _config(spec: JobSpec, directories: Directories) -> Mapping[str, Any] | None:
    image = known_image_of(spec, directories)
    if image is None and names_image(spec):
        return None  # it has gone
    with suppress(SpecError):  # or has become another one, with which the job cannot start
        return write_config(own_config(spec, ImageConfig() if image is None else image.config))
    return None


def _spec_of(found: Found) -> JobSpec:
    assert found.entry is not None, "of a container that no jobs file tells of"
    jobsfile = read_tables({found.job: found.entry.job}, "/", PROJECT)
    return jobsfile.jobs[found.job]


def _spec(file: str, job: str) -> JobSpec | None:
    try:
        return open_jobsfile(Path(file), os.environ).jobs.get(job)
    except JobsFileError:
        return None
