"""Writes the output of one or several jobs: bare, or each line behind the name of its job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import click

from supervisor.logs import LogRecord, LogRenderer

_COLOURS = ("cyan", "magenta", "blue", "green", "yellow", "bright_cyan", "bright_magenta")


class Printer:
    """Writes to `stream`. With a single job and not to a terminal, the exact bytes of the job.

    `titles` are what people call the jobs. What they write to standard error goes to `errors`,
    where that is another stream.
    """

    def __init__(
        self,
        stream: BinaryIO,
        titles: Mapping[str, str],
        *,
        errors: BinaryIO | None = None,
        timestamps: bool,
        terminal: bool,
        colour: bool,
    ) -> None:
        self._stream = stream
        self._errors = stream if errors is None else errors
        self._timestamps = timestamps
        self._terminal = terminal
        self._prefixes = dict.fromkeys(titles, "")
        if len(titles) > 1:
            width = max(map(len, titles.values()))
            for number, (job, title) in enumerate(titles.items()):
                prefix = f"{title:<{width}} | "
                shade = _COLOURS[number % len(_COLOURS)] if colour else None
                self._prefixes[job] = click.style(prefix, fg=shade) if shade else prefix
        self._renderers = {job: self._renderer(job) for job in titles}
        self._last: str | None = None

    def write(self, job: str, record: LogRecord) -> None:
        """Write the next record of a job."""
        if self._last not in (None, job):
            self._break_off()
        self._last = job
        stream = self._errors if record.stream == "stderr" else self._stream
        stream.write(self._renderers[job].render(record))

    def flush(self) -> None:
        """Let it be seen."""
        self._stream.flush()
        self._errors.flush()

    def finish(self) -> None:
        """Write what belongs behind the last record."""
        self._break_off()
        self.flush()

    def _break_off(self) -> None:
        """End the line that the last job has begun; what follows of it gets a line of its own."""
        if self._last is not None:
            self._stream.write(self._renderers[self._last].finish())
            self._renderers[self._last] = self._renderer(self._last)

    def _renderer(self, job: str) -> LogRenderer:
        return LogRenderer(
            prefix=self._prefixes[job], timestamps=self._timestamps, terminal=self._terminal
        )
