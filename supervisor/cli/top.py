"""`pocker top`: the processes of a container, as the host's `ps` shows them.

As with Docker it is `ps` that is given the options, so all that it can show can be asked for; what
it says of other processes is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.finding import running_container
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import harmless

DEFAULT = ("-ef",)
_PID = "PID"
_THREAD = "-"
"""Stands in place of the pid in the lines of threads, which follow that of their process."""
_MISLEADING = ("COLUMNS", "LINES", "PS_FORMAT", "PS_PERSONALITY")
"""Variables of the user's by which `ps` would cut lines, or show other columns."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("container", metavar="JOB|CONTAINER", shell_complete=candidates.running)
@click.argument("words", metavar="[PS OPTIONS]", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(settings: Settings, container: str, words: Sequence[str]) -> None:
    """List the processes of a job or container that runs, with the pids of the host.

    The options of `ps`, such as aux or -o pid,comm, say what is shown of them; there must be a
    column PID.
    """
    pids = _members(settings, container)
    header, *lines = _ask_ps(words or DEFAULT, pids)
    for line in (header, *chosen(header, lines, pids)):
        click.echo(harmless(line.rstrip()))


def _members(settings: Settings, container: str) -> Collection[int]:
    from contextlib import closing

    from runtime.cgroups import CgroupGone, Cgroups
    from runtime.container.adopting import recorded_paths

    place, running = running_container(settings, container)
    recorded = recorded_paths(place.container(running))
    try:
        with closing(Cgroups.open()) as cgroups:
            return cgroups.open_existing(running, recorded).members()
    except CgroupGone as error:
        raise Failure(f"container {container} is not running") from error


def _ask_ps(words: Sequence[str], pids: Collection[int]) -> list[str]:
    """What `ps` writes, the header first. Raises Failure."""
    program = shutil.which("ps")
    if program is None:
        raise Failure("top needs the program ps, which is not here: install procps")
    environment = {name: text for name, text in os.environ.items() if name not in _MISLEADING}

    def ask(*more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program, *words, *more], capture_output=True, check=False, env=environment
        )

    answer = ask("-q", ",".join(map(str, sorted(pids))))
    if answer.returncode != 0:
        # Some options do not go with -q: then it tells of all, and ours are picked out.
        answer = ask()
    if answer.returncode != 0:
        told = answer.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"ps: {told[0].removeprefix('error: ') if told else 'failed'}")
    return answer.stdout.decode(errors="replace").splitlines() or [""]


def chosen(header: str, lines: Sequence[str], pids: Collection[int]) -> Iterator[str]:
    """The lines of these processes. Raises Failure where their pids cannot be told."""
    titles = header.split()
    if _PID not in titles:
        raise Failure("ps: there is no column PID in what it shows")
    column = titles.index(_PID)
    ours = False
    for line in lines:
        word = (line.split()[column:] or [""])[0]
        if word != _THREAD:
            if not word.isdecimal():
                raise Failure(f"ps: {word!r} is no pid; ask for the column PID before others")
            ours = int(word) in pids
        if ours:
            yield line
