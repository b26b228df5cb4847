"""`pocker exec`: a command in a container that runs, with all that the container's own has."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from supervisor.cli import candidates, detachkeys
from supervisor.cli.failure import Failure
from supervisor.cli.finding import running_container
from supervisor.cli.here import here
from supervisor.cli.run import NOT_A_TERMINAL, refusals, variables_of
from supervisor.cli.settings import Settings
from supervisor.forkserver.bond import is_bound

NOT_STARTED = 126
"""As Docker has it, where not even the command is to blame."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-i", "--interactive", is_flag=True, help="Let the command read what comes in here.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for it; its output is dropped.")
@detachkeys.option()
@click.option("--privileged", is_flag=True, help="Let it do what root on the host may.")
@click.option("-e", "--env", multiple=True, metavar="KEY[=VALUE]", help="A further variable.")
@click.option("--env-file", multiple=True, metavar="FILE", help="Variables of a file.")
@click.option("-w", "--workdir", metavar="DIR", help="Where the command starts.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Who it runs as.")
@click.argument("container", shell_complete=candidates.running)
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    interactive: bool,
    tty: bool,
    detach: bool,
    detach_keys: bytes,
    privileged: bool,
    env: Sequence[str],
    env_file: Sequence[str],
    workdir: str | None,
    user: str | None,
    container: str,
    words: Sequence[str],
) -> int:
    """Run COMMAND beside that of a running CONTAINER, which is named in full or by its beginning.

    It joins all namespaces and control groups, and has the same capabilities, filter and limits;
    with --privileged it has all capabilities that there are, and no filter. With -d it is only
    started, and has neither an input nor a terminal.
    """
    if not detach and interactive and tty and not os.isatty(0):
        raise Failure("the input device is not a TTY", code=NOT_A_TERMINAL)
    place, found = running_container(settings, container)
    if interactive and tty and not detach:
        from supervisor.forkserver.aside import step_aside

        step_aside()
    # Only now has this command anything to do that needs more.
    from supervisor.cli.joined import Addition, carry_out
    from supervisor.runorder import read_order

    variables = [*variables_of(env_file), *env]
    asked = {"working_dir": workdir, "user": user, "environment": variables, "command": [*words]}
    with refusals(unstarted=NOT_STARTED):
        job = read_order({key: value for key, value in asked.items() if value}, here(), os.environ)
        addition = Addition(
            command=job.command,
            environment=job.environment,
            working_dir=None if workdir is None else job.working_dir,
            user=None if user is None else job.user,
            terminal=tty and not detach,
            interactive=interactive and not detach,
            privileged=privileged,
            detached=detach,
        )
        leavable = addition.terminal and addition.interactive and is_bound()
        keys = detach_keys if leavable else None
        return carry_out(place, found, addition, keys)
