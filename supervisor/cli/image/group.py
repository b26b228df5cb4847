"""`pocker image`: everything about images under one name, for who prefers it so.

Each subcommand is `command` in a module of this package, imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.cli.subcommands import Subcommands

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


command = Subcommands(
    "image",
    SUBCOMMANDS,
    """Look after images.

    `pocker history` is about runs of jobs; that of an image is `pocker image history`.
    """,
)
