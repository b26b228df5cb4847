"""`pocker man`: the manual, a page for each command, made of what `--help` shows."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from supervisor.cli import candidates
from supervisor.cli.program import DISTRIBUTION


@click.command
@click.argument("directory", metavar="DIR", shell_complete=candidates.directories)
@click.pass_context
def command(context: click.Context, directory: str) -> None:
    """Write the pages of the manual into DIR, one for each command.

    DIR is made where it is missing. For a package it is share/man/man1; to look at one page:
    `man DIR/pocker-run.1`.
    """
    from supervisor.cli.manpage import page_of, pages

    root = context.find_root()
    about = f"{root.info_name} {version(DISTRIBUTION)}"
    Path(directory).mkdir(parents=True, exist_ok=True)
    for each in pages(root):
        name = each.command_path.replace(" ", "-")
        Path(directory, f"{name}.1").write_text(page_of(each, about), encoding="utf-8")
