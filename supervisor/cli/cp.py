"""`pocker cp`: copies files between a container and the host."""

from __future__ import annotations

import sys

import click

from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings


@click.command
@click.option("-a", "--archive", is_flag=True, help="Keep owners, set-id bits and attributes.")
@click.option("-L", "--follow-link", is_flag=True, help="Copy what SOURCE leads to, not the link.")
@click.option("-q", "--quiet", is_flag=True, help="Do not say how much was copied.")
@click.argument("source", shell_complete=candidates.files)
@click.argument("target", shell_complete=candidates.files)
@click.pass_obj
def command(
    settings: Settings, source: str, target: str, *, archive: bool, follow_link: bool, quiet: bool
) -> None:
    """Copy SOURCE to TARGET, one of which is CONTAINER:PATH, the other a path of the host.

    A directory goes into one that is there; written as DIR/. only its contents do. The other may be
    -, for an archive (tar) on the standard input or output. The container need not run.
    """
    from runtime.errors import ContainerError
    from runtime.units import format_decimal
    from supervisor.cli.copying import Copy, carry_out
    from supervisor.cli.copypath import CopyError, Operand, check_operands

    copy = Copy(
        source=Operand.parse(source),
        target=Operand.parse(target),
        archive=archive,
        follow=follow_link,
    )
    try:
        check_operands(copy.source, copy.target)
        copied = carry_out(settings, copy)
    except (CopyError, ContainerError) as error:
        raise Failure(str(error)) from error
    if sys.stdout.isatty() and not quiet:
        click.echo(f"Successfully copied {format_decimal(copied)} to {target}", err=True)
