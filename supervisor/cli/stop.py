"""`pocker stop`: ends single jobs and containers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from supervisor.api import ControlClient, ControlError
from supervisor.cli import candidates
from supervisor.cli.asking import whoever_attends
from supervisor.cli.control import ask
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find, has_ended
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served
from supervisor.cli.turns import Turns
from supervisor.journal import RunRecord


@click.command
@click.option(
    "-t",
    "--timeout",
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
    turns = Turns()
    wanted = []
    for name in names:
        with turns.turn():
            wanted.append(_stoppable(settings, name))
    with ThreadPoolExecutor(len(names)) as threads:
        errors = list(threads.map(lambda found: _stop(settings, found, grace), wanted))
    for found, error in zip(wanted, errors, strict=True):
        with turns.turn():
            _tell(found, error)
    turns.finish()


def _tell(found: Found, error: ControlError | Failure | None) -> None:
    now = _run_of(found)
    # The answer may be lost where the supervisor ends together with its last job.
    if error is not None and (found.attended or (now is not None and not now.state.terminal)):
        raise Failure(f"cannot stop {found.name}: {error}") from error
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


def _stoppable(settings: Settings, word: str) -> Found:
    """What runs, or is a container of `run -d`: as with Docker one that has ended may be stopped.

    Raises Failure.
    """
    found = find(settings, word)
    run = _run_of(found)
    if found.entry is None and (run is None or run.state.terminal):
        how = "" if run is None else f": {run.state}, {run.detail}"
        raise Failure(f"job {found.name} is not running{how}")
    return found


def _stop(settings: Settings, found: Found, grace: float | None) -> ControlError | Failure | None:
    def request(client: ControlClient) -> None:
        client.stop(found.job, grace)

    try:
        if found.attended:
            whoever_attends(found).stop(found.job, grace)
        elif found.entry is None:
            ask(settings, request)
        elif not has_ended(found):
            require_served(settings, request)
    except (ControlError, Failure) as error:
        return error
    return None
