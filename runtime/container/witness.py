"""What `init` wrote about itself in the container's exit file: the witness that outlives everybody.

The file holds one record at its beginning, each later one over the former: that the command is
about to be executed, that the start failed, or how the command ended.
"""

from __future__ import annotations

from attrs import frozen

from runtime.kernel import (
    EXIT_RECORD_SIZE,
    REPORT_EXECUTING,
    REPORT_FAILED,
    REPORT_SIZE,
    read_exit_record,
    read_report,
)


@frozen(kw_only=True)
class Ended:
    """How the command ended: times in seconds since the epoch, durations in seconds."""

    code: int
    signal: int
    core_dumped: bool
    started: float
    ended: float
    elapsed: float


@frozen
class Executing:
    """The command was about to be executed."""


@frozen
class Failed:
    """A step of the plan failed."""

    step: int
    error: int
    detail: str


@frozen
class Silent:
    """Nothing was written: `init` was not there, or has not come that far."""


Testimony = Ended | Executing | Failed | Silent


def read_testimony(path: str) -> Testimony:
    """The record in the exit file; a missing, empty or torn one says nothing."""
    try:
        with open(path, "rb") as file:
            content = file.read(REPORT_SIZE)
    except FileNotFoundError:
        return Silent()
    ended = read_exit_record(content[:EXIT_RECORD_SIZE])
    if ended is not None:
        code, signal, core_dumped, started, finished, elapsed, _, _, _ = ended
        return Ended(
            code=code,
            signal=signal,
            core_dumped=core_dumped,
            started=started / 1e9,
            ended=finished / 1e9,
            elapsed=elapsed / 1e9,
        )
    if len(content) < REPORT_SIZE:
        return Silent()
    try:
        kind, step, error, detail = read_report(content)
    except ValueError:
        return Silent()
    if kind == REPORT_FAILED:
        return Failed(step, error, detail)
    return Executing() if kind == REPORT_EXECUTING else Silent()
