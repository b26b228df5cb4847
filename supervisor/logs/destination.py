"""What the output of an attempt is written to, as those see it who move the output there."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from attrs import frozen

from supervisor.logs.records import Stream

TURN = 256 * 1024
RETRY_SECONDS = 1.0
"""How long a destination that fails is left alone; bounds how often that is said."""
PATIENCE = 5.0
"""Seconds after which a destination that is busy and takes nothing at all counts as failing."""


@frozen
class Turn:
    """What one call of `LogDestination.pump` did."""

    count: int
    """Bytes read."""
    drained: bool
    """The pipe was empty in the end."""
    ended: bool
    """The pipe is at end-of-file, and nothing is left to be written."""
    busy: int | None = None
    """Set where the destination takes no more now: the descriptor that becomes writable then."""


class LogDestination(Protocol):
    """Takes both streams of an attempt. Whatever happens to it, the job goes on."""

    @property
    def last_line(self) -> bytes:
        """The beginning of the newest output that is not empty; empty after a restart."""

    @property
    def batch(self) -> bytes:
        """The raw bytes that the last turn read, if its budget was 1."""

    def pump(self, stream: Stream, pipe: int, budget: int = TURN) -> Turn:
        """Move what is in `pipe` on until it is empty or `budget` bytes were read.

        A batch is never split: the budget may be exceeded by one. Raises OSError only where
        `pipe` is no pipe that can be read.
        """

    def close(self) -> None:
        """Finish; losses that nothing has followed are told."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
