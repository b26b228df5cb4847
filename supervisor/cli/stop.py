"""`pocker stop`: ends single jobs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from supervisor.api import ControlClient, ControlError
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.records import open_journal, require_supervisor
from supervisor.cli.settings import Settings
from supervisor.journal import Journal, RunRecord
from supervisor.problems import did_you_mean


@click.command
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.pass_obj
def command(settings: Settings, jobs: Sequence[str]) -> None:
    """Stop JOBs and wait until they have ended. A job that has not begun will not begin."""
    names = list(dict.fromkeys(jobs))
    require_supervisor(settings)
    with open_journal(settings) as journal:
        runs = _runs(journal)
        for name in names:
            _check(name, runs)
        with ThreadPoolExecutor(len(names)) as threads:
            errors = list(threads.map(lambda name: _stop(settings, name), names))
        now = _runs(journal)
        for name, error in zip(names, errors, strict=True):
            # The answer may be lost where the supervisor ends together with its last job.
            if error is not None and not now[name].state.terminal:
                raise Failure(f"stop {name}: {error}") from error
            click.echo(f"{name}: {now[name].state}, {now[name].detail}")


def _runs(journal: Journal | None) -> dict[str, RunRecord]:
    """The runs of the last session by job name."""
    session = None if journal is None else journal.last_session()
    if journal is None or session is None:
        return {}
    return {run.job: run for run in journal.runs(session=session.id)}


def _check(name: str, runs: dict[str, RunRecord]) -> None:
    if name not in runs:
        raise Failure(f"no job {name} is running{did_you_mean(name, runs)}")
    if runs[name].state.terminal:
        raise Failure(f"job {name} is not running: {runs[name].state}, {runs[name].detail}")


def _stop(settings: Settings, name: str) -> ControlError | Failure | None:
    def request(client: ControlClient) -> None:
        client.stop(name)

    try:
        ask(settings, request)
    except (ControlError, Failure) as error:
        return error
    return None
