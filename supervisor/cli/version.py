"""`pocker version`: of the program and of what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import version

import click

from supervisor.cli.format import Format, format_option, print_json
from supervisor.cli.program import DISTRIBUTION
from supervisor.cli.table import format_table


@click.command
@format_option("table", "json")
def command(form: Format) -> None:
    """Show the versions of the program, its interpreter and the kernel."""
    versions = {
        "version": version(DISTRIBUTION),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }
    if form == "json":
        print_json([versions])
    else:
        rows = [*versions.items()]
        click.echo(format_table(("PART", "VERSION"), rows, colour=False))
