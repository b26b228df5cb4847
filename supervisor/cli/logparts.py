"""Which logs a reader of a job's output is shown, and how much of each."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from supervisor.journal import AttemptRecord, RunRecord
from supervisor.logs import LogQuery, LogRecord, is_in_journal, read_log
from supervisor.places import Places


@frozen(kw_only=True)
class Part:
    """The part of one attempt's log that a query asks for."""

    attempt: AttemptRecord
    directory: str
    query: LogQuery

    @property
    def elsewhere(self) -> bool:
        """Whether it is in the systemd journal, so that only journalctl can show it."""
        return is_in_journal(self.directory)


@frozen(kw_only=True)
class Reading:
    """What is read of a job: a run, the parts of its log so far, and whether more may come."""

    run: RunRecord
    parts: Sequence[Part]
    open_ended: bool

    @property
    def elsewhere(self) -> bool:
        """Whether what comes next is in the systemd journal."""
        return bool(self.parts) and self.parts[-1].elsewhere


def parts_of(
    places: Places, run: RunRecord, attempts: Sequence[AttemptRecord], query: LogQuery
) -> list[Part]:
    """The parts of a run's log, first to last. `query.tail` lines are those of all together.

    Raises LogError.
    """
    parts = [
        Part(
            attempt=attempt,
            directory=places.logs(run.job, run.id, attempt.number),
            query=query,
        )
        for attempt in attempts
    ]
    if query.tail is None:
        return parts
    chosen: list[Part] = []
    missing = query.tail
    for part in reversed(parts):
        chosen.append(evolve(part, query=evolve(query, tail=missing)))
        missing -= _count_lines(chosen[-1])
        if missing <= 0:
            break
    return chosen[::-1]


def _count_lines(part: Part) -> int:
    records = list(read_log(part.directory, part.query))
    return sum(_ends_line(records, index) for index in range(len(records)))


def _ends_line(records: Sequence[LogRecord], index: int) -> bool:
    """Whether a line ends there, be it only because nothing more has come."""
    record = records[index]
    return not record.partial or all(
        later.stream != record.stream for later in records[index + 1 :]
    )
