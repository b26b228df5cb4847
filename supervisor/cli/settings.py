"""What the options in front of the command's name say; the same for all commands."""

from __future__ import annotations

import os
from typing import Literal, Self, TypeAlias

from attrs import evolve, frozen

from runtime.directories import Directories, default_directories
from runtime.invoker import invoking_user
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

    @classmethod
    def of(
        cls, root: str | None, state: str | None, log_level: str | None, log_format: LogFormat
    ) -> Self:
        """What the options say, and what holds where they say nothing."""
        default = default_directories(invoking_user(), os.environ)
        return cls(
            directories=Directories(root or default.root, state or default.state),
            log_level=log_level,
            log_format=log_format,
        )

    @property
    def detached(self) -> Settings:
        """The same for the containers that no jobs file tells of."""
        return evolve(self, directories=self.directories.detached)

    @property
    def places(self) -> Places:
        """Where the supervisor keeps its files."""
        return Places(directories=self.directories)
