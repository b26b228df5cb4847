"""`pocker image`: everything about images under one name, for who prefers it so.

Each subcommand is `command` in a module of this package, imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from supervisor.cli.failure import USAGE, Failure
from supervisor.problems import did_you_mean

SUBCOMMANDS: Mapping[str, tuple[str, str]] = {
    "history": ("history", "Show how the layers of an image came about."),
    "import": ("importing", "Make an image of a tar archive of a root file system."),
    "inspect": ("inspection", "Show all that is known about images, as JSON."),
    "load": ("loading", "Load images from an archive."),
    "ls": ("listing", "List images."),
    "prune": ("pruning", "Remove images without a name, and what nothing needs."),
    "pull": ("pulling", "Bring an image from a registry."),
    "push": ("pushing", "Send an image to a registry."),
    "rm": ("removal", "Remove images."),
    "save": ("saving", "Write images to an archive."),
    "tag": ("tagging", "Give an image another name."),
    "verify": ("verification", "Read everything in the store and say what is damaged."),
}
"""Name, module in this package, and what it does."""


class _Subcommands(click.Group):
    def list_commands(self, _: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            near = did_you_mean(cmd_name, SUBCOMMANDS)
            raise Failure(f"no such command: image {cmd_name}{near}", code=USAGE)
        module, _text = SUBCOMMANDS[cmd_name]
        found = import_module(f"supervisor.cli.image.{module}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_module, text) in SUBCOMMANDS.items()])


@click.group(cls=_Subcommands, subcommand_metavar="COMMAND [ARGS]...")
def command() -> None:
    """Look after images.

    `pocker history` is about runs of jobs; that of an image is `pocker image history`.
    """
