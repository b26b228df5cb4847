"""`pocker completion`: what a shell completes commands, options and names by."""

from __future__ import annotations

import click

from supervisor.cli.failure import Failure
from supervisor.cli.program import VARIABLE

SHELLS = ("bash", "zsh", "fish")
NOTHING = 1
"""As click has it."""


@click.command
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and names.

    For bash: eval "$(pocker completion bash)".
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click knows all three"
    root = context.find_root()
    click.echo(kind(root.command, {}, root.info_name or "", VARIABLE).source())


def complete(program: click.Command, name: str, instruction: str) -> int:
    """Answer the shell, which has put the words so far into the environment.

    They may make no sense yet, and then there is nothing to complete them with.
    """
    from click.shell_completion import shell_complete

    try:
        return shell_complete(program, {}, name, VARIABLE, instruction)
    except (Failure, click.ClickException):
        return NOTHING
