"""`pocker down`: ends all jobs and the supervisor."""

from __future__ import annotations

from contextlib import closing

import click

from runtime.units import format_duration, parse_duration
from supervisor.api import ControlClient, ControlError
from supervisor.cli.control import SupervisorProcess, ask
from supervisor.cli.failure import Failure
from supervisor.cli.records import open_journal
from supervisor.cli.settings import Settings
from supervisor.journal import Journal, RunRecord
from supervisor.lock import holder


def _duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command
@click.option("--now", is_flag=True, help="Kill; do not ask the jobs first.")
@click.option(
    "--timeout",
    callback=_duration,
    metavar="DURATION",
    help="Kill what has not ended by then, such as 30s.",
)
@click.pass_obj
def command(settings: Settings, now: bool, timeout: float | None) -> None:
    """Stop all jobs, those first that depend on others, and wait for the supervisor's end.

    Where the supervisor was killed, the jobs that it has left behind are stopped.
    """
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        runs = [] if journal is None or session is None else journal.runs(session=session.id)
        ended_by_this = [run for run in runs if not run.state.terminal]
        if (
            session is not None
            and session.ended is None
            and holder(settings.directories.state) is None
        ):
            # Only here has this command to be able to supervise.
            from supervisor.cli.abandoned import end_abandoned

            # One that was killed at its very end has left nothing but to write that down.
            end_abandoned(settings, session, ended_by_this or runs, now=now, timeout=timeout)
            end = f"supervisor had ended before, pid {session.pid}"
        else:
            pid = _end_supervisor(settings, now=now, timeout=timeout)
            end = f"supervisor ended, pid {pid}"
        for run in _current(journal, ended_by_this):
            click.echo(f"{run.job}: {run.state}, {run.detail}")
        click.echo(end)


def _end_supervisor(settings: Settings, *, now: bool, timeout: float | None) -> int:
    with closing(SupervisorProcess(settings)) as supervisor:
        _shut_down(settings, supervisor, now=now)
        if not supervisor.wait(timeout):
            assert timeout is not None
            click.echo(f"pocker: not all had ended within {format_duration(timeout)}", err=True)
            _shut_down(settings, supervisor, now=True)
            supervisor.wait(None)
        return supervisor.pid


def _shut_down(settings: Settings, supervisor: SupervisorProcess, *, now: bool) -> None:
    def request(client: ControlClient) -> None:
        client.shut_down(now=now)

    try:
        ask(settings, request)
    except (ControlError, Failure) as error:
        # One that has ended meanwhile may not have answered, and has done all the same.
        if not supervisor.wait(1):
            raise Failure(str(error)) from error


def _current(journal: Journal | None, runs: list[RunRecord]) -> list[RunRecord]:
    """The same runs as they are now."""
    if journal is None or not runs:
        return []
    wanted = {run.id for run in runs}
    return [run for run in journal.runs(session=runs[0].session) if run.id in wanted]
