"""What can go wrong with a log before its job is started, or for its readers."""

from __future__ import annotations


class LogError(Exception):
    """A log cannot be set up or read; the message names the operation, the path and the cause."""
