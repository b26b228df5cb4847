"""Where a supervisor keeps its own files, beside those of the runtime.

Every command looks here, so this imports next to nothing.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from runtime.directories import Directories


@frozen(kw_only=True)
class Places:
    """The supervisor's own files below the two base directories."""

    directories: Directories

    @property
    def database(self) -> Path:
        """The state database."""
        return Path(self.directories.state, "state.db")

    @property
    def socket(self) -> str:
        """The control socket."""
        return f"{self.directories.root}/control.sock"

    @property
    def held_volumes(self) -> Path:
        """The volumes that the jobs of an `up` hold."""
        return Path(self.directories.state, "held.json")

    @property
    def own_log(self) -> str:
        """What a supervisor in the background has to say."""
        return f"{self.directories.state}/supervisor.log"

    @property
    def all_logs(self) -> str:
        """Below it, one directory per job, run and attempt."""
        return f"{self.directories.state}/logs"

    def logs(self, job: str, run: int, attempt: int) -> str:
        """The log directory of one attempt."""
        return f"{self.all_logs}/{job}/{run}/{attempt}"
