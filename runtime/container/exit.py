"""How a container ended, from the best witness there is.

The record that PID 1 wrote is the truth about the command. Where it is missing (the container
was killed whole, or runs without `init`) the status of PID 1 itself is what is known, or that the
kernel killed all of the container for want of memory.
"""

from __future__ import annotations

import signal
from typing import Literal

from attrs import frozen

from runtime.cgroups import Usage
from runtime.container.witness import Ended, Testimony
from runtime.process import ExitStatus


@frozen(kw_only=True)
class Exit:
    """How the command ended.

    Exactly one of `code` and `signal` is set, or neither where nobody can know. Times are seconds
    since the epoch, `elapsed` is seconds of a clock that nobody steps; None where not known.
    """

    code: int | None
    signal: int | None
    source: Literal["record", "status", "cgroup", "unknown"]
    usage: Usage
    core_dumped: bool = False
    started: float | None = None
    ended: float | None = None
    elapsed: float | None = None


def combine(testimony: Testimony, status: ExitStatus | None, usage: Usage) -> Exit:
    """The exit record if there is one, else PID 1's own status, else what the cgroup tells."""
    if isinstance(testimony, Ended):
        return Exit(
            code=None if testimony.signal else testimony.code,
            signal=testimony.signal or None,
            source="record",
            usage=usage,
            core_dumped=testimony.core_dumped,
            started=testimony.started,
            ended=testimony.ended,
            elapsed=testimony.elapsed,
        )
    if status is not None:
        return Exit(code=status.code, signal=status.signal, source="status", usage=usage)
    if usage.oom_group_kills:
        return Exit(code=None, signal=int(signal.SIGKILL), source="cgroup", usage=usage)
    return Exit(code=None, signal=None, source="unknown", usage=usage)
