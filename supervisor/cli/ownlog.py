"""Where the supervisor's own log goes: what a terminal, a file or the journal takes best."""

from __future__ import annotations

import os
import sys

from supervisor.cli.settings import Settings
from supervisor.cli.terminal import wants_colour
from supervisor.logsetup import configure_journal_log, configure_log
from supervisor.systemd.journal import is_journal

_STDERR = 2


def configure_own_log(settings: Settings, level: str) -> None:
    """Begin it; `level` is what the user gets who has not said otherwise."""
    if settings.log_format == "auto" and is_journal(_STDERR, os.environ):
        configure_journal_log(settings.log_level or level)
        return
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    configure_log(
        settings.log_level or level, console=console, colour=console and wants_colour(sys.stderr)
    )
