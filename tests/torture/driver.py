"""Kills supervisors: a workload is run to its end by one life of a supervisor after the other.

Each life but the last ends by SIGKILL: at any time, soon after its start, or while it takes up
what its predecessor has left. What it was doing then is read from what it said and from the
journal, to be counted. The schedule follows from the seed, as far as the machine's own timing
lets it.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import define, field, frozen

from supervisor.journal import Journal, JournalError
from supervisor.states import RunState
from tests.torture.remains import children
from tests.torture.workload import Job, jobs_file

Moment: TypeAlias = Literal["start", "adoption", "turn", "work"]
"""What a wait before a kill is counted from.

The supervisor's start, its first word about jobs, or its word about a job's end, upon which the
next one is launched.
"""

REST = "rest.toml"
"""A file with one job that fails, as some do in each workload."""
PATIENCE = 240.0
"""Seconds that the last life may take."""
_TAKES_UP = "taking up a former supervisor's jobs"
_AT_WORK = (_TAKES_UP, "job started")
_WORDS: Mapping[Moment, Sequence[str]] = {
    "adoption": _AT_WORK,
    "turn": ("job ended",),
    "work": _AT_WORK,
}
_WAITS: Mapping[Moment, float] = {"start": 0.3, "adoption": 0.02, "turn": 0.005, "work": 0.6}
"""Mean seconds before a kill."""


class NotEnding(Exception):
    """The last life did not come to its end."""


@frozen(kw_only=True)
class Plan:
    """When a life is to end."""

    moment: Moment
    wait: float


def plan(chance: random.Random) -> Plan:
    """Plan the end of a life."""
    moment: Moment = chance.choices(("start", "adoption", "turn", "work"), (2, 3, 2, 4))[0]
    return Plan(moment=moment, wait=chance.expovariate(1 / _WAITS[moment]))


@define(eq=False)
class Life:
    """A supervisor of ours, from its start to its end."""

    process: subprocess.Popen[bytes]
    said: list[str] = field(factory=list)
    """The events of its log."""
    _rest: bytes = b""

    @classmethod
    def begin(cls, top: Path, log: Path, file: str = "jobs.toml") -> Life:
        """Start ``up``; what it says goes through this process to a file, jobs' lines nowhere."""
        command = [
            sys.executable, "-m", "supervisor",
            "--root", str(top / "r"), "--state", str(top / "s"), "--log-format", "json",
            "up", str(top / file),
        ]  # fmt: skip
        with open(log, "ab") as output:
            output.write(b"--- another life\n")
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        )

    def listen(self, log: Path, until: float, *, words: Sequence[str] = ()) -> bool:
        """Take in what it says until a moment has come, or a word; False where it has ended."""
        assert self.process.stderr is not None
        pipe = self.process.stderr.fileno()
        while not any(word in self.said for word in words):
            rest = until - time.monotonic()
            if rest <= 0:
                return True
            if select.select([pipe], [], [], min(rest, 0.2))[0]:
                data = os.read(pipe, 1 << 16)
                if not data:
                    return False
                self._take_in(data, log)
            _reap(self.process.pid)
        return True

    def _take_in(self, data: bytes, log: Path) -> None:
        with open(log, "ab") as file:
            file.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with suppress(ValueError):
                self.said.append(json.loads(line)["event"])

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def wait(self) -> int:
        """Reap it; returns its exit code."""
        code = self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def _reap(supervisor: int) -> None:
    """Reap the orphans that have come to this process, as PID 1 would."""
    for pid in children():
        if pid != supervisor:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


@define(eq=False, kw_only=True)
class Driver:
    """Runs a workload below `top`, with kills of supervisors in between, `being_reaper`."""

    top: Path
    chance: random.Random
    phases: Counter[str] = field(factory=Counter, init=False)
    """How many supervisors were killed while they were doing what."""
    codes: list[int] = field(factory=list, init=False)
    """The exit codes of those that came to their own end."""

    def lay_out(self, jobs: Sequence[Job], project: str, concurrency: int) -> None:
        """Put the files of a workload where it will run."""
        (self.top / "out").mkdir(parents=True)
        (self.top / "torture").mkdir()
        actor = Path(__file__).with_name("actor.py")
        (self.top / "torture/actor.py").write_text(actor.read_text())
        for job in jobs:
            (self.top / f"torture/{job.name}.json").write_text(json.dumps(job.parts))
        (self.top / "jobs.toml").write_text(jobs_file(jobs, project, concurrency))

    def run(self, kills: int) -> int:
        """Run it to its end with at most so many kills; returns how many there were.

        Raises NotEnding.
        """
        killed = 0
        while killed < kills:
            if not self._live(plan(self.chance)):
                return killed
            killed += 1
            if self._is_over():
                self._clear_up()
                return killed
        self._live_out("jobs.toml")
        return killed

    def _clear_up(self) -> None:
        """Let another supervisor take away what one has left that was killed at its very end."""
        rest = '[jobs.rest]\nimage = "host"\ncommand = ["false"]\n'
        (self.top / REST).write_text(rest)
        self._live_out(REST)

    def _live_out(self, file: str) -> None:
        """One life that comes to its own end. Raises NotEnding."""
        last = Life.begin(self.top, self._log, file)
        if last.listen(self._log, time.monotonic() + PATIENCE):
            os.kill(last.process.pid, signal.SIGABRT)
            last.wait()
            raise NotEnding(f"the last supervisor did not end within {PATIENCE} seconds")
        self._ended(last)

    @property
    def _log(self) -> Path:
        return self.top / "supervisor.log"

    def _live(self, plan: Plan) -> bool:
        """One life; whether it was ended by a kill."""
        running = self._running()
        life = Life.begin(self.top, self._log)
        words = _WORDS.get(plan.moment)
        patience = time.monotonic() + PATIENCE
        if words and not life.listen(self._log, patience, words=words):
            return self._ended(life)
        if not life.listen(self._log, time.monotonic() + plan.wait):
            return self._ended(life)
        life.kill()
        life.listen(self._log, time.monotonic() + PATIENCE)
        life.wait()
        self.phases[self._phase(life, running)] += 1
        return True

    def _ended(self, life: Life) -> bool:
        self.codes.append(life.wait())
        _reap(life.process.pid)
        return False

    @contextmanager
    def _journal(self) -> Iterator[Journal | None]:
        """Open the journal, if there is one already."""
        journal = Journal.read(self.top / "s/state.db")
        try:
            yield journal
        finally:
            if journal is not None:
                journal.close()

    def _is_over(self) -> bool:
        """Whether the supervisor was killed when it had only to exit."""
        with suppress(JournalError), self._journal() as journal:
            session = None if journal is None else journal.last_session()
            return session is not None and session.ended is not None
        return False

    def _running(self) -> int:
        """How many jobs there are to be adopted."""
        with suppress(JournalError), self._journal() as journal:
            runs = [] if journal is None else journal.runs()
            return sum(run.state in (RunState.RUNNING, RunState.STOPPING) for run in runs)
        return 0

    def _phase(self, life: Life, running: int) -> str:
        """What a supervisor was doing when it was killed."""
        if not any(word in life.said for word in _AT_WORK):
            return "starting"
        if _TAKES_UP in life.said and life.said.count("job adopted") < running:
            return "adopting"
        with suppress(JournalError), self._journal() as journal:
            assert journal is not None, "it has spoken of jobs"
            return self._work(journal)
        return "starting"

    def _work(self, journal: Journal) -> str:
        runs = journal.runs()
        states = {run.state for run in runs}
        if RunState.STARTING in states:
            return "launching a container"
        there = {path.name for path in (self.top / "r/containers").glob("*")}
        newest = [attempt for run in runs for attempt in journal.attempts(run.id)[-1:]]
        if any(each.ended is not None and each.container in there for each in newest):
            return "taking a container away"
        return "ending a job" if RunState.STOPPING in states else "watching"
