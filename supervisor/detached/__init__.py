"""Containers that no jobs file tells of: `run -d` writes them down, a supervisor looks after them.

Each is a job like those of a file, in a state directory of their own.
"""

from supervisor.detached.roster import Entry, NameInUse, Roster

__all__ = ["Entry", "NameInUse", "Roster"]
