"""`pocker volume ls`: the volumes that there are."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from supervisor.cli.format import echo_rendered, print_json, template_option
from supervisor.cli.listing import join_labels
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table
from supervisor.cli.terminal import wants_colour
from supervisor.cli.volume.access import volume_document, volume_store
from supervisor.cli.volume.filtering import matches, read_volume_filters
from supervisor.volumeusers import users_of_volumes


@click.command
@click.option("-q", "--quiet", is_flag=True, help="Only names.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only those: dangling=true, name=PART, label=KEY[=VALUE], driver=local.",
)
@template_option("{{.Name}}")
@click.pass_obj
def command(settings: Settings, *, quiet: bool, filters: Sequence[str], form: str) -> None:
    """List volumes."""
    wanted = read_volume_filters(filters)
    with volume_store(settings) as store:
        used = users_of_volumes(settings.directories)
        rows = [
            # One text, as in Docker's lists; `inspect` has them one by one.
            {**volume_document(each), "Labels": join_labels(each.labels)}
            for each in store.volumes()
            if matches(each, wanted, used)
        ]
    if quiet:
        click.echo("".join(f"{row['Name']}\n" for row in rows), nl=False)
    elif form == "json":
        print_json(rows)
    elif form == "table":
        cells = [(row["Driver"], row["Name"]) for row in rows]
        click.echo(format_table(("DRIVER", "VOLUME NAME"), cells, colour=wants_colour(sys.stdout)))
    else:
        echo_rendered(form, rows)
