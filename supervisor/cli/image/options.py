"""Options that several commands have."""

from __future__ import annotations

import click

change_option = click.option(
    "-c",
    "--change",
    "changes",
    multiple=True,
    metavar="INSTRUCTION",
    help="Set something of the image as a Dockerfile does: CMD, ENV, USER and so on.",
)
message_option = click.option(
    "-m", "--message", default="", help="Remember this in the image's history."
)
