"""How a command says that it cannot do what it was asked for."""

from __future__ import annotations

USAGE = 2
START_FAILED = 125


class Failure(Exception):
    """Ends the command with `code`; the message is shown as one line."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def describe_os_error(error: OSError) -> str:
    """The path, where there is one, and the cause."""
    cause = (error.strerror or str(error)).lower()
    return f"{error.filename}: {cause}" if error.filename else cause
