"""`pocker top`: the processes of a container, with the pids that the host knows them by."""

from __future__ import annotations

import click

from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.finding import running_container
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table

HEADERS = ("UID", "PID", "PPID", "STATE", "TIME", "CMD")


@click.command
@click.argument("container", metavar="JOB|CONTAINER", shell_complete=candidates.running)
@click.pass_obj
def command(settings: Settings, container: str) -> None:
    """List the processes of a job or container that runs."""
    from contextlib import closing

    from runtime.cgroups import CgroupGone, Cgroups
    from runtime.container.adopting import recorded_paths

    place, running = running_container(settings, container)
    recorded = recorded_paths(place.container(running))
    try:
        with closing(Cgroups.open()) as cgroups:
            pids = cgroups.open_existing(running, recorded).members()
    except CgroupGone as error:
        raise Failure(f"container {container} is not running") from error
    rows = [row for pid in sorted(pids) if (row := _row(pid)) is not None]
    click.echo(format_table(HEADERS, rows, colour=False))


def _row(pid: int) -> Row | None:
    """What /proc tells of a process; None of one that has just ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":", 1) for line in file.read().splitlines())
        with open(f"/proc/{pid}/schedstat") as file:
            seconds = int(file.read().split()[0]) // 10**9
        with open(f"/proc/{pid}/cmdline", "rb") as raw:
            words = raw.read().rstrip(b"\0").split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    command = b" ".join(words).decode(errors="replace") or f"[{status['Name'].strip()}]"
    return (
        status["Uid"].split()[1],
        str(pid),
        status["PPid"].strip(),
        status["State"].split()[0],
        f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}",
        command,
    )
