"""Asking before much is removed at once."""

from __future__ import annotations

import sys

import click

from supervisor.cli.failure import Failure

force_option = click.option("-f", "--force", is_flag=True, help="Do not ask first.")


def confirm(warning: str, force: bool) -> None:
    """Return where the user agrees, or has done so beforehand. Raises Failure.

    Where there is nobody to ask, nobody has agreed.
    """
    if force:
        return
    if not sys.stdin.isatty():
        raise Failure("there is no terminal to ask at whether to go on; use --force")
    click.echo(f"WARNING! {warning}", err=True)
    if not click.confirm("Are you sure you want to continue?", err=True):
        raise Failure("nothing was removed")
