"""Whether every line and every outcome of a torture is there, and is right, exactly once.

The journal, the logs and the marks that the jobs have left themselves are compared with the
workload. Attempts whose command was never executed, because the supervisor was killed in front of
it, do not count; they have to say so.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from attrs import frozen

from supervisor.journal import AttemptRecord, Journal, RunRecord, is_void
from supervisor.logs import LogQuery, Stream, read_log
from tests.torture.actor import COUNTER, LINGERER, written
from tests.torture.driver import REST
from tests.torture.workload import End, Job

_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


@frozen(kw_only=True)
class Findings:
    """`problems` is empty where all is well; the rest says how much was looked at."""

    problems: Sequence[str]
    attempts: int
    void: int
    bytes: int


def check(jobs: Sequence[Job], top: Path) -> Findings:
    """Compare all of `jobs`, run with everything below `top`, with what has to be."""
    problems = [*_damage(top / "s/state.db")]
    journal = Journal.read(top / "s/state.db")
    if journal is None:
        return Findings(problems=["there is no journal"], attempts=0, void=0, bytes=0)
    attempts = void = size = 0
    try:
        problems += _check_sessions(journal, jobs)
        runs = {run.job: run for run in journal.runs()}
        for job in jobs:
            if job.name not in runs:
                problems.append(f"{job.name}: has no run")
                continue
            records = journal.attempts(runs[job.name].id)
            checked = _JobCheck(job=job, run=runs[job.name], records=records, top=top)
            problems += [f"{job.name}: {problem}" for problem in checked.problems()]
            attempts += len(records)
            void += sum(map(is_void, records))
            size += checked.size()
    finally:
        journal.close()
    return Findings(problems=problems, attempts=attempts, void=void, bytes=size)


def _damage(database: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        for check in ("integrity_check", "foreign_key_check"):
            for row in connection.execute(f"PRAGMA {check}"):
                if row[0] != "ok":
                    yield f"journal: {check}: {row}"
    finally:
        connection.close()


def _check_sessions(journal: Journal, jobs: Sequence[Job]) -> Iterator[str]:
    session = journal.last_session()
    if session is None or session.ended is None:
        yield f"the session has not ended: {session}"
    elif session.id != 1 and not (session.id == 2 and session.file.endswith(f"/{REST}")):
        yield f"there were {session.id} sessions, the last of {session.file}"
    counts = Counter(run.job for run in journal.runs())
    yield from (f"{job.name}: has {counts[job.name]} runs" for job in jobs if counts[job.name] > 1)


@frozen(kw_only=True)
class _JobCheck:
    """One job beside its records."""

    job: Job
    run: RunRecord
    records: Sequence[AttemptRecord]
    top: Path

    def problems(self) -> Iterator[str]:
        """Say what is wrong."""
        job, run = self.job, self.run
        real = [record for record in self.records if not is_void(record)]
        if (run.state, run.reason) != (job.state, job.reason):
            yield f"is {run.state}, {run.reason} ({run.detail}), not {job.state}, {job.reason}"
        if run.ended is None or (job.detail is not None and run.detail != job.detail):
            yield f"ended at {run.ended}: {run.detail!r}, not {job.detail!r}"
        if job.ends and run.exit_code != job.ends[-1].code:
            yield f"exit code {run.exit_code}, not {job.ends[-1].code}"
        yield from _out_of_order(self.records)
        if len(real) != len(job.ends):
            said = [(record.reason, record.exit_code, record.detail) for record in real]
            yield f"{len(real)} attempts, not {len(job.ends)}: {said}"
            return
        yield from self._marks()
        for number, (record, end) in enumerate(zip(real, job.ends, strict=True)):
            for problem in (*_misjudged(record, end), *self._output(record, number)):
                yield f"attempt {record.number}: {problem}"

    def size(self) -> int:
        """How many bytes the logs hold."""
        logs = self.top / f"s/logs/{self.job.name}"
        return sum(path.stat().st_size for path in logs.rglob("log*"))

    def _marks(self) -> Iterator[str]:
        path = self.top / f"out/{self.job.name}.runs"
        marks = path.read_text().splitlines() if path.exists() else []
        if marks != ["run"] * len(self.job.parts):
            yield f"was executed {marks}, not {len(self.job.parts)} times"

    def _output(self, record: AttemptRecord, number: int) -> Iterator[str]:
        part = self.job.parts[number] if self.job.parts else []
        directory = self.top / f"s/logs/{self.job.name}/{record.run}/{record.number}"
        for stream in _STREAMS:
            found = _logged(directory, stream)
            if self.job.lingers:
                own, others = _divide(b"".join(found))
                found = iter([own])
                if any(action[:2] == ["linger", stream] for action in part):
                    yield from self._lingering(others, number)
                elif others:
                    yield f"{stream} has lines of {sorted(others)}"
            yield from _differences(stream, found, written(part, stream))

    def _lingering(self, others: dict[int, list[int]], number: int) -> Iterator[str]:
        counters = sorted(self.top.glob(f"out/{self.job.name}.{number}.[0-9]"))
        if len(counters) != len(others):
            yield f"lines of {len(others)} writers, of {len(counters)} who wrote"
        for counter in counters:
            (count,) = COUNTER.unpack(counter.read_bytes())
            lines = others.get(int(counter.suffix[1:]), [])
            if lines != list(range(len(lines))) or len(lines) not in (count, count + 1):
                yield f"writer {counter.suffix} wrote {count} lines, the log has {lines[-3:]}"


def _out_of_order(records: Sequence[AttemptRecord]) -> Iterator[str]:
    for number, record in enumerate(records, start=1):
        if record.number != number or record.ended is None or record.reason is None:
            yield f"attempt {number} is {record}"
        elif is_void(record) and "never" not in record.detail and "before" not in record.detail:
            yield f"attempt {number} was never executed, but says {record.detail}"
    for earlier, later in pairwise(records):
        if earlier.ended is None or later.started < earlier.ended - 0.05:
            yield f"attempt {later.number} began before attempt {earlier.number} had ended"


def _misjudged(record: AttemptRecord, end: End) -> Iterator[str]:
    found = (record.reason, record.exit_code, record.signal)
    if found != (end.reason, end.code, end.signal):
        yield f"{found} ({record.detail}), not {(end.reason, end.code, end.signal)}"
    if bool(record.oom_kills) is not end.oom:
        yield f"{record.oom_kills} OOM kills"


def _logged(directory: Path, stream: Stream) -> Iterator[bytes]:
    for record in read_log(str(directory), LogQuery(stream=stream)):
        yield record.message + (b"" if record.partial else b"\n")


def _divide(output: bytes) -> tuple[bytes, dict[int, list[int]]]:
    """The output without the lines of those that lingered, and theirs, by writer."""
    own = []
    others: dict[int, list[int]] = {}
    for line in output.splitlines(keepends=True):
        if not line.startswith(LINGERER):
            own.append(line)
            continue
        writer, number = line[1:].split()
        others.setdefault(int(writer), []).append(int(number))
    return b"".join(own), others


def _differences(stream: str, found: Iterable[bytes], wanted: Iterable[bytes]) -> Iterator[str]:
    there, meant = _digest(found), _digest(wanted)
    if there != meant:
        yield f"{stream} has {there[0]} bytes, {there[1]}, not {meant[0]} bytes, {meant[1]}"


def _digest(pieces: Iterable[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()[:12]
