"""`pocker system`: images, containers and volumes together."""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.cli.subcommands import Subcommands

SUBCOMMANDS: Mapping[str, tuple[str, str]] = {
    "df": ("usage", "Show how much is kept, and how much nobody needs."),
    "prune": ("pruning", "Remove what nobody needs."),
}
"""Name, module in this package, and what it does."""

command = Subcommands("system", SUBCOMMANDS, "Look after images, containers and volumes together.")
