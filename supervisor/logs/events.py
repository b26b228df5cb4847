"""What a log writer has to say beyond the log itself."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen


@frozen(kw_only=True)
class LogWriteFailed:
    """The log cannot be written: from now on output is dropped and counted, the job goes on."""

    path: str
    cause: str


@frozen(kw_only=True)
class LogLossCounted:
    """What was dropped since `LogWriteFailed`.

    `lines` counts the newlines in `bytes`. `recovered` is false where the log ended in that state.
    """

    path: str
    bytes: int
    lines: int
    recovered: bool


LogEvent: TypeAlias = LogWriteFailed | LogLossCounted
