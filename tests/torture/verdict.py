"""What is wrong after a trial, if anything is: the journal, the logs and the machine compared.

An outcome is good where the play can have it without a fault. Where a call failed or PID 1 was
killed, a failure is good as well if it is true: who says that the command was never executed is
held to the mark that the command leaves, and output may end early but is otherwise exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from supervisor.journal import AttemptRecord, EventKind, JournalError, RunRecord, is_void
from supervisor.logs import LogQuery, read_log
from supervisor.states import Reason
from tests.torture.plays import End, Play
from tests.torture.remains import left_behind
from tests.torture.trial import Place, Trial


@frozen(kw_only=True)
class Verdict:
    """`end` is how the job came out, in a few words; `problems` is empty where all is well."""

    end: str
    problems: Sequence[str]


def judge(trial: Trial, play: Play, project: str) -> Verdict:
    """Compare what is there after a play with what has to be."""
    problems = [*left_behind(trial.place.top, project), *_confused(trial)]
    try:
        with trial.place.journal() as journal:
            run = journal.last_run("job")
            if run is None or run.reason is None or journal.session(run.session).ended is None:
                state = "no run" if run is None else run.state
                return Verdict(end="unfinished", problems=[*problems, f"not finished: {state}"])
            attempts = journal.attempts(run.id)
    except JournalError as error:
        return Verdict(end="no journal", problems=[*problems, f"journal: {error}"])
    problems += _inconsistent(run, attempts)
    real = [attempt for attempt in attempts if not is_void(attempt)]
    marks = trial.place.marks("ran")
    said = "; ".join(f"{attempt.reason} {attempt.exit_code}" for attempt in real)
    for ends in play.ends:
        if [(end.reason, end.code) for end in ends] == [(a.reason, a.exit_code) for a in real]:
            problems += _well(trial, ends, real, marks)
            return Verdict(end="as if nothing had been", problems=problems)
    if not may_fail(trial):
        problems.append(f"ended otherwise: {said or run.reason} ({run.detail})")
    problems += _untrue(trial.place, play, run, real, marks)
    return Verdict(end=said or f"run {run.reason}", problems=problems)


def may_fail(trial: Trial) -> bool:
    """Whether the fault is one that the job may have to suffer for."""
    return (
        trial.fault is not None
        and bool(trial.hit)
        and (trial.fault.mode == "fail" or (trial.fault.mode, trial.fault.role) == ("kill", "init")
             or (trial.fault.mode, trial.fault.role) == ("kill", "command"))
    )  # fmt: skip


def _well(
    trial: Trial, ends: Sequence[End], attempts: Sequence[AttemptRecord], marks: int
) -> Iterator[str]:
    times = sum(end.executed for end in ends)
    if marks != times:
        yield f"the command was executed {marks} times, not {times}"
    lost = _counted_losses(trial) if may_fail(trial) else 0
    for end, attempt in zip(ends, attempts, strict=True):
        found = {stream: logged(trial.place, attempt, stream) for stream in ("stdout", "stderr")}
        wanted = {"stdout": end.stdout, "stderr": end.stderr}
        missing = sum(map(len, wanted.values())) - sum(map(len, found.values()))
        if found != wanted and not 0 < missing == lost:
            yield f"attempt {attempt.number}: {found}, not {wanted}; {lost} bytes said to be lost"


def _counted_losses(trial: Trial) -> int:
    """How many bytes of output the events say were dropped."""
    with trial.place.journal() as journal:
        events = [event for event in journal.events() if event.kind is EventKind.LOG]
    return sum(int(str(event.data.get("bytes", 0))) for event in events)


def _untrue(
    place: Place, play: Play, run: RunRecord, attempts: Sequence[AttemptRecord], marks: int
) -> Iterator[str]:
    """Find what a failure says that is not so."""
    executed = [attempt for attempt in attempts if attempt.reason is not Reason.START_ERROR]
    if len(executed) < marks:
        yield f"executed {marks} times, but {len(executed)} attempts say so ({run.detail})"
    if run.reason is Reason.COMPLETED:
        yield "completed, but no attempt of this job can"
    if not run.detail:
        yield "a failure without a cause"
    for attempt in attempts:
        for stream in ("stdout", "stderr"):
            found = logged(place, attempt, stream)
            ends = [end for ends in play.ends for end in ends]
            wanted = [end.stdout if stream == "stdout" else end.stderr for end in ends]
            if not any(each.startswith(found) for each in wanted):
                yield f"attempt {attempt.number}: {stream} is {found!r}"


def _inconsistent(run: RunRecord, attempts: Sequence[AttemptRecord]) -> Iterator[str]:
    if not run.state.terminal or run.ended is None:
        yield f"run: {run}"
    for number, attempt in enumerate(attempts, start=1):
        if attempt.number != number or attempt.ended is None or attempt.reason is None:
            yield f"attempt: {attempt}"


def _confused(trial: Trial) -> Iterator[str]:
    """Find supervisors that met no fault and had trouble all the same."""
    for supervisor in trial.supervisors:
        if supervisor.listener is None or trial.fault is None or trial.fault.mode != "fail":
            lines = supervisor.said.splitlines()
            bad = [line for line in lines if re.match(r"Traceback|\w*Error|pocker:", line.strip())]
            if bad:
                yield f"{supervisor.log.name}: {bad[0]} ... {lines[-1]}"


def logged(place: Place, attempt: AttemptRecord, stream: str) -> bytes:
    """The bytes that the log of an attempt has of a stream."""
    directory = place.state / f"logs/job/{attempt.run}/{attempt.number}"
    records = read_log(str(directory), LogQuery())
    return b"".join(
        record.message + (b"" if record.partial else b"\n")
        for record in records
        if record.stream == stream
    )
