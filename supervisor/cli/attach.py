"""`pocker attach`: what a container writes from now on, and what is typed here goes to it."""

from __future__ import annotations

import click

from supervisor.cli import candidates, detachkeys
from supervisor.cli.failure import Failure
from supervisor.cli.finding import find, has_ended, require_supervised
from supervisor.cli.settings import Settings


@click.command
@detachkeys.option()
@click.option("--no-stdin", is_flag=True, help="Only watch.")
@click.option(
    "--sig-proxy/--no-sig-proxy",
    default=True,
    show_default=True,
    help="Whether signals to this command are the container's.",
)
@click.argument("container", metavar="JOB|CONTAINER", shell_complete=candidates.running)
@click.pass_obj
def command(
    settings: Settings, *, detach_keys: bytes, no_stdin: bool, sig_proxy: bool, container: str
) -> int:
    """Show what CONTAINER writes from now on, and pass on what is typed here.

    What is typed reaches one that was made with -i. Ctrl-P Ctrl-Q leaves it running; where it has
    no terminal, Ctrl-C does with --sig-proxy=false or at the third time, and else is its own. When
    it ends, its exit code is that of this command.
    """
    found = find(settings, container)
    require_supervised(found)
    if has_ended(found):
        raise Failure(f"cannot attach to container {container}: it is not running")
    # Only now has this command anything to do that needs more.
    from supervisor.cli.attachment import Attachment

    attachment = Attachment(
        found=found, interactive=not no_stdin, keys=detach_keys, passes_signals=sig_proxy
    )
    return attachment.carry_out()
