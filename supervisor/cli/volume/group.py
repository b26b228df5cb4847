"""`pocker volume`: directories that outlive the containers which have them."""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.cli.subcommands import Subcommands

SUBCOMMANDS: Mapping[str, tuple[str, str]] = {
    "create": ("creation", "Make a volume."),
    "inspect": ("inspection", "Show all that is known about volumes, as JSON."),
    "ls": ("listing", "List volumes."),
    "prune": ("pruning", "Remove volumes that nobody uses."),
    "rm": ("removal", "Remove volumes."),
}
"""Name, module in this package, and what it does."""

command = Subcommands("volume", SUBCOMMANDS, "Look after volumes.")
