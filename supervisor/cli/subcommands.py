"""Commands with commands below them, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc

import click

from supervisor.cli.misuse import unknown_command


class Subcommands(click.Group):
    """Those of one name. Each is `command` in a module of the package that is called like it."""

    def __init__(self, name: str, modules: Mapping[str, tuple[str, str]], text: str) -> None:
        """`modules` has the module of each subcommand, and what that does."""
        super().__init__(name=name, help=cleandoc(text), subcommand_metavar="COMMAND [ARGS]...")
        self._modules = modules

    def list_commands(self, _: click.Context) -> list[str]:
        """All names."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The one of this name. Raises Failure."""
        if cmd_name not in self._modules:
            raise unknown_command(ctx, cmd_name, self._modules)
        module, _text = self._modules[cmd_name]
        found = import_module(f"supervisor.cli.{self.name}.{module}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """What each does, in one line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._modules.items()])
