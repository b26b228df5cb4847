"""The command line. A command imports what it needs and nothing else, so each starts fast."""

from supervisor.cli.program import enter, main

__all__ = ["enter", "main"]
