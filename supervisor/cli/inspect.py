"""`pocker inspect`: all that is known about jobs, for programs and for people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from supervisor.cli.documents import attempt_document, run_document
from supervisor.cli.format import print_json
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.journal import Journal
from supervisor.problems import JobsFileError
from supervisor.sources import open_jobsfile


@click.command
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.pass_obj
def command(settings: Settings, jobs: Sequence[str]) -> None:
    """Show the definition of JOBs, all their runs and all attempts, as a JSON array.

    The definition is the one that the file of the last run has now; null if it has none any more.
    """
    with open_journal(settings) as journal:
        print_json([_document(journal, name) for name in jobs])


def _document(journal: Journal | None, job: str) -> Mapping[str, Any]:
    run = last_run(journal, job)
    assert journal is not None, "a journal without runs has no last run"
    file = journal.session(run.session).file
    return {
        "job": job,
        "file": file,
        "spec": _spec(file, job),
        "runs": [
            {
                **run_document(each),
                "attempts": [attempt_document(attempt) for attempt in journal.attempts(each.id)],
            }
            for each in journal.runs(job=job)
        ],
    }


def _spec(file: str, job: str) -> Mapping[str, Any] | None:
    try:
        spec = open_jobsfile(Path(file), os.environ).jobs.get(job)
    except JobsFileError:
        return None
    return None if spec is None else attrs.asdict(spec)
