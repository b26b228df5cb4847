"""How a container ended, from the best witness there is.

The record that PID 1 wrote is the truth about the command. Where it is missing (the container
was killed whole, or runs without `init`) the status of PID 1 itself is what is known.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from runtime.cgroups import Usage
from runtime.kernel import EXIT_RECORD_SIZE, read_exit_record
from runtime.process import ExitStatus


@frozen(kw_only=True)
class Exit:
    """How the command ended.

    Exactly one of `code` and `signal` is set, or neither where nobody can know. Times are seconds
    since the epoch, `elapsed` is seconds of a clock that nobody steps; None where not known.
    """

    code: int | None
    signal: int | None
    source: Literal["record", "status", "unknown"]
    usage: Usage
    core_dumped: bool = False
    started: float | None = None
    ended: float | None = None
    elapsed: float | None = None


def read_exit(record: bytes, status: ExitStatus | None, usage: Usage) -> Exit:
    """Combine the exit record (empty or torn: ignored), PID 1's own status and the usage."""
    fields = read_exit_record(record[:EXIT_RECORD_SIZE])
    if fields is not None:
        code, signal, core, started, ended, elapsed, _, _, _ = fields
        return Exit(
            code=code if signal == 0 else None,
            signal=signal or None,
            source="record",
            usage=usage,
            core_dumped=core,
            started=started / 1e9,
            ended=ended / 1e9,
            elapsed=elapsed / 1e9,
        )
    if status is not None:
        return Exit(code=status.code, signal=status.signal, source="status", usage=usage)
    return Exit(code=None, signal=None, source="unknown", usage=usage)
