"""`pocker stop`: ends single jobs and containers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from runtime.nearest import did_you_mean
from supervisor.api import ControlClient, ControlError
from supervisor.cli import candidates
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find_all
from supervisor.cli.records import open_journal, require_supervisor
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served
from supervisor.journal import RunRecord


@click.command
@click.option(
    "-t",
    "--time",
    "grace",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Kill what has not ended by then, in place of its own grace period.",
)
@click.argument(
    "names", nargs=-1, required=True, metavar="JOB|CONTAINER...", shell_complete=candidates.running
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], grace: float | None) -> None:
    """Stop jobs or containers and wait until they have ended.

    A job that has not begun will not begin. A container of `run -d` stays until it is removed.
    """
    wanted = find_all(settings, names)
    if any(found.entry is None for found in wanted):
        require_supervisor(settings)
    for found in wanted:
        _check(found)
    with ThreadPoolExecutor(len(wanted)) as threads:
        errors = list(threads.map(lambda found: _stop(settings, found, grace), wanted))
    for found, error in zip(wanted, errors, strict=True):
        now = _run_of(found)
        # The answer may be lost where the supervisor ends together with its last job.
        if error is not None and now is not None and not now.state.terminal:
            raise Failure(f"stop {found.name}: {error}") from error
        if found.entry is not None or now is None:
            click.echo(found.word)
        else:
            click.echo(f"{found.name}: {now.state}, {now.detail}")


def _runs(settings: Settings) -> dict[str, RunRecord]:
    """The runs of the last session by job name."""
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        if journal is None or session is None:
            return {}
        return {run.job: run for run in journal.runs(session=session.id)}


def _run_of(found: Found) -> RunRecord | None:
    return _runs(found.settings).get(found.job)


def _check(found: Found) -> None:
    """A container that has ended may be stopped, as with Docker."""
    if found.entry is not None:
        return
    runs = _runs(found.settings)
    if found.job not in runs:
        raise Failure(f"no job {found.name} is running{did_you_mean(found.name, runs)}")
    run = runs[found.job]
    if run.state.terminal:
        raise Failure(f"job {found.name} is not running: {run.state}, {run.detail}")


def _stop(settings: Settings, found: Found, grace: float | None) -> ControlError | Failure | None:
    def request(client: ControlClient) -> None:
        client.stop(found.job, grace)

    try:
        if found.entry is None:
            ask(settings, request)
        elif (run := _run_of(found)) is not None and not run.state.terminal:
            require_served(settings, request)
    except (ControlError, Failure) as error:
        return error
    return None
