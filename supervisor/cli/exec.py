"""`pocker exec`: a command in a container that runs, with all that the container's own has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

import click

from runtime.directories import Directories
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.finding import Found, entries_of, find
from supervisor.cli.records import open_journal
from supervisor.cli.run import NOT_A_TERMINAL, RunCommand
from supervisor.cli.settings import Settings
from supervisor.problems import did_you_mean


@click.command(cls=RunCommand, context_settings={"allow_interspersed_args": False})
@click.option("-i", "--interactive", is_flag=True, help="Let the command read what comes in here.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option("-e", "--env", multiple=True, metavar="KEY[=VALUE]", help="A further variable.")
@click.option("-w", "--workdir", metavar="DIR", help="Where the command starts.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Who it runs as.")
@click.argument("container")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    interactive: bool,
    tty: bool,
    env: Sequence[str],
    workdir: str | None,
    user: str | None,
    container: str,
    words: Sequence[str],
) -> int:
    """Run COMMAND beside that of a running CONTAINER, which is named in full or by its beginning.

    It joins all namespaces and control groups, and has the same capabilities, filter and limits.
    """
    if interactive and tty and not os.isatty(0):
        raise Failure("the input device is not a TTY", code=NOT_A_TERMINAL)
    place, found = running_container(settings, container)
    # Only now has this command anything to do that needs more.
    from runtime.errors import ContainerError
    from supervisor.cli.joined import Addition, carry_out
    from supervisor.runorder import OrderError, read_order

    asked = {"working_dir": workdir, "user": user, "environment": list(env), "command": [*words]}
    try:
        job = read_order(
            {key: value for key, value in asked.items() if value}, os.getcwd(), os.environ
        )
        addition = Addition(
            command=job.command,
            environment=job.environment,
            working_dir=None if workdir is None else job.working_dir,
            user=None if user is None else job.user,
            terminal=tty,
            interactive=interactive,
        )
        return carry_out(place, found, addition)
    except (OrderError, ContainerError) as error:
        raise Failure(str(error), code=getattr(error, "code", START_FAILED)) from error


def running_container(
    settings: Settings, wanted: str, *, code: int = START_FAILED
) -> tuple[Directories, str]:
    """Where the container is that a word means, and its id there. Raises Failure.

    Also one of `pocker run`, which nobody has written down.
    """
    names = _names(settings.directories.containers)
    if wanted in names:
        return settings.directories, wanted
    with suppress(Failure):
        meant = find(settings, wanted)
        container = _running(meant)
        if container is not None:
            return meant.settings.directories, container
    found = [name for name in names if wanted and name.startswith(wanted)]
    if len(found) > 1:
        raise Failure(f"{wanted} is the beginning of {', '.join(found)}", code=code)
    if not found:
        known = [*names, *(entry.name for entry in entries_of(settings).values())]
        near = "" if wanted in known else did_you_mean(wanted, known)
        raise Failure(f"no container {wanted} is running{near}", code=code)
    return settings.directories, found[0]


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _running(found: Found) -> str | None:
    """The container of its attempt that has not ended."""
    with open_journal(found.settings) as journal:
        run = None if journal is None else journal.last_run(found.job)
        attempts = [] if journal is None or run is None else journal.attempts(run.id)
    return attempts[-1].container if attempts and attempts[-1].ended is None else None
