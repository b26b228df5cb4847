"""What is wrong with a jobs file: where, which key, and why, as one line of text each.

Key paths are shown as TOML writes them, so that odd names stay unambiguous and cannot disturb a
terminal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen

KeyPath: TypeAlias = tuple[str | int, ...]
"""Table keys and list positions from the top of a document: ``("jobs", "a", "volumes", 1)``."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def show_path(path: KeyPath) -> str:
    """A key path as a user would write it: ``jobs.a.volumes[1]``, ``jobs."a.b".memory``."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            quoted = part if _BARE_KEY.fullmatch(part) else json.dumps(part)
            shown += f".{quoted}" if shown else quoted
    return shown


@frozen
class Problem:
    """One thing that is wrong with a file; `line` counts from 1, None where it is not known."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class JobsFileError(Exception):
    """A jobs file is refused; `problems` holds all that is wrong with it, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
