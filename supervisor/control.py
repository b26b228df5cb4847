"""How a running attempt is asked to end: a wish that is noted once and seen by its task."""

from __future__ import annotations

import trio
from attrs import define, field

from supervisor.states import StopCause


@define(eq=False)
class StopWish:
    """A request to end one attempt, or a whole run, that only ever becomes more urgent."""

    cause: StopCause | None = None
    asked: trio.Event = field(factory=trio.Event)
    """Set once the command is to be asked to end."""
    grace: float | None = None
    """Seconds between the two, where whoever asked first has said so."""
    at_once: trio.Event = field(factory=trio.Event)
    """Set once there is no more time for that."""

    def ask(self, cause: StopCause, grace: float | None = None) -> None:
        """Ask for an orderly end; the first cause is the one that counts."""
        if self.cause is None:
            self.cause, self.grace = cause, grace
        self.asked.set()

    def insist(self, cause: StopCause) -> None:
        """End it now."""
        self.ask(cause)
        self.at_once.set()
