"""`pocker start`: starts containers that were created or have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from supervisor.cli import candidates, detachkeys
from supervisor.cli.failure import Failure
from supervisor.cli.finding import find_kept, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.turns import in_turn


@click.command
@click.option("-a", "--attach", is_flag=True, help="Show what it writes; its exit code is ours.")
@click.option("-i", "--interactive", is_flag=True, help="The same, and pass on what is typed.")
@detachkeys.option()
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.ended
)
@click.pass_obj
def command(
    settings: Settings,
    *,
    attach: bool,
    interactive: bool,
    detach_keys: bytes,
    names: Sequence[str],
) -> int:
    """Start CONTAINERs that were created or have ended; those that run are left as they are.

    Where their supervisor was killed there is one again. With -a or -i there is only one; signals
    are passed on, and with -i what is typed, of which the end is that of its input.
    """
    if not attach and not interactive:
        in_turn(names, lambda word: _start(settings, word))
        return 0
    if len(names) > 1:
        raise Failure("only one container can be attached to")
    from supervisor.cli.attachment import Attachment

    found, _ = find_kept(settings, names[0])
    since = time.time_ns() if has_ended(found) else None
    _start(settings, names[0])
    attachment = Attachment(
        found=found,
        interactive=interactive,
        ends_input=interactive,
        keys=detach_keys,
        since=since,
        passes_signals=True,
    )
    return attachment.carry_out()


def _start(settings: Settings, word: str) -> None:
    # Only where there is something to start is the means to do so needed.
    from supervisor.cli.detach import start_again
    from supervisor.cli.standby import begin_serving, is_served

    found, entry = find_kept(settings, word)
    if has_ended(found):
        start_again(settings, entry)
    elif not is_served(settings):
        begin_serving(settings)
