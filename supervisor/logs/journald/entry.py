"""Entries of the systemd journal in its native protocol, made of a job's output. Pure.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL: fields one behind the other, as ``NAME=text`` and a
newline, or, for a value that may hold anything, as ``NAME``, a newline, its length and the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from attrs import frozen

from supervisor.logs.records import Stream

PRIORITIES: Mapping[Stream, int] = {"stdout": 6, "stderr": 3}
"""Informational and error, of syslog's levels."""

_LENGTH = struct.Struct("<Q")
_PARTIAL = b"CONTAINER_PARTIAL_MESSAGE=true\n"
"""As container engines mark all parts but the last of a line that is too long."""


@frozen(kw_only=True)
class LogOrigin:
    """Whose output it is. The names are strict: no text of the job's own is in them."""

    job: str
    run: int
    attempt: int
    container: str


@frozen
class Line:
    """A line, or one part of a long one; it stands for `size` bytes of output."""

    text: bytes
    size: int
    partial: bool


def fields_of(origin: LogOrigin, stream: Stream) -> bytes:
    """The fields that all entries of a stream have."""
    fields = {
        "PRIORITY": PRIORITIES[stream],
        "SYSLOG_IDENTIFIER": origin.job,
        "CONTAINER_ID": origin.container,
        "CONTAINER_NAME": origin.container,
        "POCKER_JOB": origin.job,
        "POCKER_RUN": origin.run,
        "POCKER_ATTEMPT": origin.attempt,
        "POCKER_STREAM": stream,
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode()


def entry(fields: bytes, line: Line) -> bytes:
    """One entry, ready to be sent."""
    return fields + (_PARTIAL if line.partial else b"") + encode_field("MESSAGE", line.text)


def encode_field(name: str, value: bytes) -> bytes:
    """A field whose value may hold anything."""
    return b"".join((name.encode(), b"\n", _LENGTH.pack(len(value)), value, b"\n"))


def split_lines(output: bytes, longest: int, *, ended: bool) -> Iterator[Line]:
    """The lines of some output, and the parts of `longest` bytes of those that are longer.

    What is behind the last newline is left out, unless the output has ended or it is too long.
    """
    *lines, rest = output.split(b"\n")
    for line in lines:
        yield from _parts(line, longest, newline=True)
    if ended:
        if rest:
            yield from _parts(rest, longest, newline=False)
    else:
        for at in range(longest, len(rest), longest):
            yield Line(rest[at - longest : at], longest, partial=True)


def _parts(line: bytes, longest: int, *, newline: bool) -> Iterator[Line]:
    last = max(0, (len(line) - 1) // longest * longest)
    for at in range(0, last, longest):
        yield Line(line[at : at + longest], longest, partial=True)
    yield Line(line[last:], len(line) - last + newline, partial=False)
