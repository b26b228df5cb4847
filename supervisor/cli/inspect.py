"""`pocker inspect`: all that is known about jobs, for programs and for people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from supervisor.cli.documents import attempt_document, run_document
from supervisor.cli.finding import Found, find_all
from supervisor.cli.format import print_json
from supervisor.cli.moments import rfc3339
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.template import TemplateError, render
from supervisor.detached.roster import PROJECT
from supervisor.jobsfile import read_tables
from supervisor.journal import Journal
from supervisor.problems import JobsFileError
from supervisor.sources import open_jobsfile


@click.command
@click.option("--format", "form", metavar="TEMPLATE", help="A line for each, as '{{.state}}'.")
@click.argument("names", nargs=-1, required=True, metavar="JOB|CONTAINER...")
@click.pass_obj
def command(settings: Settings, names: Sequence[str], form: str | None) -> None:
    """Show the definition of jobs or containers, all their runs and all attempts, as a JSON array.

    The definition of a job is the one that the file of the last run has now; null if it has none
    any more.
    """
    documents = [_document(found) for found in find_all(settings, names)]
    if form is None:
        print_json(documents)
        return
    try:
        lines = [render(form, document) for document in documents]
    except TemplateError as error:
        raise click.UsageError(f"--format: {error}") from error
    for line in lines:
        click.echo(line)


def _document(found: Found) -> Mapping[str, Any]:
    with open_journal(found.settings) as journal:
        if found.entry is None:
            run = last_run(journal, found.job)
            assert journal is not None, "a journal without runs has no last run"
            file = journal.session(run.session).file
            return {"job": found.job, "file": file, "spec": _spec(file, found.job)} | _history(
                journal, found.job
            )
        entry = found.entry
        return {
            "id": entry.id,
            "name": entry.name,
            "created": rfc3339(entry.created),
            "remove": entry.remove,
            "spec": _spec_of(found),
        } | _history(journal, found.job)


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


def _spec_of(found: Found) -> Mapping[str, Any]:
    assert found.entry is not None, "of a container that no jobs file tells of"
    jobsfile = read_tables({found.job: found.entry.job}, "/", PROJECT)
    return attrs.asdict(jobsfile.jobs[found.job])


def _spec(file: str, job: str) -> Mapping[str, Any] | None:
    try:
        spec = open_jobsfile(Path(file), os.environ).jobs.get(job)
    except JobsFileError:
        return None
    return None if spec is None else attrs.asdict(spec)
