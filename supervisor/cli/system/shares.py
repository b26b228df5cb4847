"""How much of what is kept is needed, as Docker shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from runtime.units import format_decimal
from supervisor.cli.table import Row

HEADERS = ("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE")


@frozen(kw_only=True)
class Kept:
    """One thing that is kept. `parts` are its sizes by what they are of: some may share some."""

    name: str
    active: bool
    parts: Mapping[str, int]

    @property
    def size(self) -> int:
        """Its bytes, shared ones included."""
        return sum(self.parts.values())


def row_of(kind: str, things: Sequence[Kept]) -> Row:
    """The line of all things of a kind; what one that is active has is not to be reclaimed."""
    parts = {name: number for thing in things for name, number in thing.parts.items()}
    needed = {name for thing in things if thing.active for name in thing.parts}
    total = sum(parts.values())
    free = sum(number for name, number in parts.items() if name not in needed)
    share = f" ({100 * free // total}%)" if total else ""
    active = sum(thing.active for thing in things)
    return (
        kind,
        str(len(things)),
        str(active),
        format_decimal(total),
        f"{format_decimal(free)}{share}",
    )
