"""What the options in front of the command's name say; the same for all commands."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import evolve, frozen

from runtime.directories import Directories
from supervisor.places import Places

LogFormat: TypeAlias = Literal["auto", "console", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = ("auto", "console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")

MAX_ROOT_BYTES = 84
"""The address of a Unix socket is at most 107 bytes, and control sockets lie in there."""


@frozen(kw_only=True)
class Settings:
    """`log_level` is None where the user did not say."""

    directories: Directories
    log_level: str | None
    log_format: LogFormat

    @property
    def detached(self) -> Settings:
        """The same for the containers that no jobs file tells of."""
        return evolve(self, directories=self.directories.detached)

    @property
    def places(self) -> Places:
        """Where the supervisor keeps its files."""
        return Places(directories=self.directories)
