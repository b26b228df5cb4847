"""Commands with commands below them, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from supervisor.cli.misuse import unknown_command
from supervisor.cli.truth import plain_flags

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The one that is named, and its words."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, plain_flags(command, rest) if command else rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and options, for which no module of a command is imported."""
        texts = {name: text for name, (_, text) in self._modules.items()}
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*starting(incomplete, texts), *options]

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """What each does, in one line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._modules.items()])


def starting(incomplete: str, texts: Mapping[str, str]) -> list[CompletionItem]:
    """What a shell is offered of commands with these texts."""
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=text)
        for name, text in texts.items()
        if name.startswith(incomplete)
    ]
