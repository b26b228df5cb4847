"""What a reader of a log asks for, and whether a line of the file is part of it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from attrs import field, frozen

from runtime.errors import SpecError
from runtime.units import parse_duration
from supervisor.logs.records import PREFIX, TIME, Stream

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_BILLION = 1_000_000_000


@frozen(kw_only=True)
class LogQuery:
    """What to read; the default is everything.

    `since` (inclusive) and `until` (exclusive) are times in the form that `parse_moment` returns.
    `tail` is a number of lines, counted from the end after all else has been applied; a line
    counts where it ends, and an unfinished one counts.
    """

    since: str | None = None
    until: str | None = None
    tail: int | None = field(default=None)
    stream: Stream | None = None

    @tail.validator
    def _check_tail(self, _: object, value: int | None) -> None:
        if value is not None and value < 0:
            raise SpecError("tail", f"{value} is not a number of lines")

    def wants(self, line: bytes) -> bool:
        """Whether a line of a log file is asked for, all but `tail` considered."""
        if self.stream is not None and line[31:37] != self.stream.encode():
            return False
        time = line[TIME]
        if self.since is not None and time < self.since.encode():
            return False
        if self.until is not None and time >= self.until.encode():
            return False
        return len(line) >= PREFIX


def format_time(nanoseconds: int) -> str:
    """A time since the epoch in the form that log files have."""
    seconds, fraction = divmod(nanoseconds, _BILLION)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction:09d}Z"


def parse_moment(field_name: str, text: str, now: int) -> str:
    """Read an RFC 3339 time, or a duration that is counted back from `now` (nanoseconds).

    Raises SpecError that names `field_name`.
    """
    if match := _RFC3339.fullmatch(text):
        return _parse_rfc3339(field_name, text, match)
    try:
        back = round(parse_duration(text) * _BILLION)
    except ValueError as error:
        raise SpecError(
            field_name,
            f"{text[:60]!r} is neither a time such as 2024-01-02T15:04:05Z"
            " nor a duration such as 10m",
        ) from error
    return format_time(max(0, now - back))


def _parse_rfc3339(field_name: str, text: str, match: re.Match[str]) -> str:
    date, clock, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}+00:00")
        if sign is not None:
            offset = timezone(timedelta(hours=int(hours), minutes=int(minutes)))
            moment += -offset.utcoffset(None) if sign == "+" else offset.utcoffset(None)
    except (ValueError, OverflowError) as error:
        raise SpecError(field_name, f"{text!r} is not a time: {error}") from error
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction or '':0<9}Z"
