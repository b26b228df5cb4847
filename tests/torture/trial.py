"""One play with one fault: supervisors are started, watched and killed, and what became of it.

This process answers every call that stands still (`tests.torture.intercept`), reaps what has no
other parent, and looks on. Nothing here judges; `tests.torture.verdict` does.
"""

from __future__ import annotations

import heapq
import os
import select
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field, frozen

from supervisor.journal import Journal, JournalError
from tests.torture.calls import error_of, matters
from tests.torture.fault import Fault, Role, counts, modes_of
from tests.torture.forked import Supervisor, start
from tests.torture.intercept import Call, Listener, kill
from tests.torture.remains import children

PATIENCE = 20.0
"""Seconds that any step of a play may take; the runtime gives killed processes ten to die."""
DELAY = 0.1
_ROLES: Mapping[str, Role] = {"1": "init", "2": "command"}
"""By the pid that a process has in its container."""
_TICK = 10
"""Milliseconds between two looks at files."""


class Stuck(Exception):
    """A step of a play took too long."""


@frozen(kw_only=True)
class Place:
    """Where a trial has its files."""

    top: Path

    @property
    def root(self) -> Path:
        """The supervisor's runtime directory."""
        return self.top / "r"

    @property
    def state(self) -> Path:
        """The supervisor's state directory."""
        return self.top / "s"

    @property
    def shared(self) -> Path:
        """What the job sees as /out."""
        return self.top / "out"

    @property
    def rest(self) -> Path:
        """Another jobs file, with nothing in it that has to do with the play."""
        return self.top / "rest.toml"

    @property
    def file(self) -> Path:
        """The jobs file."""
        return self.top / "jobs.toml"

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal to read it. Raises JournalError, also where there is none."""
        journal = Journal.read(self.state / "state.db")
        if journal is None:
            raise JournalError("there is none")
        try:
            yield journal
        finally:
            journal.close()

    def marks(self, name: str) -> int:
        """How many lines the job has written to a file."""
        path = self.shared / name
        return path.read_text().count("\n") if path.exists() else 0


@define(eq=False, kw_only=True)
class Trial:
    """`fault` is None where the play is only to be recorded."""

    place: Place
    fault: Fault | None
    seen: list[tuple[Role, str, str]] = field(factory=list, init=False)
    """Recorded calls: by whom, which, on what."""
    hit: str = field(default="", init=False)
    """The call that the fault came to, once it has."""
    supervisors: list[Supervisor] = field(factory=list, init=False)
    _counted: Counter[Role] = field(factory=Counter, init=False)
    _roles: dict[int, Role | None] = field(factory=dict, init=False)
    _held: list[tuple[float, int, Listener, Call]] = field(factory=list, init=False)

    def start(self, *arguments: str, watched: bool = False) -> Supervisor:
        """Start a supervisor; with `watched` it is the one that meets the fault."""
        directories = ["--root", str(self.place.root), "--state", str(self.place.state)]
        log = self.place.top / f"log.{len(self.supervisors)}"
        supervisor = start([*directories, *arguments], log, watched=watched)
        self.supervisors.append(supervisor)
        return supervisor

    def attend(self, reached: Callable[[], bool]) -> None:
        """Answer calls and reap until something is so. Raises Stuck."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise Stuck
            self._turn()

    def release(self) -> None:
        """Let the job go on to its end."""
        (self.place.shared / "go").touch()

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do for another supervisor."""
        with suppress(JournalError), self.place.journal() as journal:
            session = journal.last_session()
            return session is None or session.ended is None
        return True

    def abandon(self) -> None:
        """Kill whatever is left, so that the next trial starts from nothing."""
        for supervisor in self.supervisors:
            if not supervisor.ended:
                kill(supervisor.pid)
        self._kill_containers()
        with suppress(Stuck):
            self.attend(lambda: not children())
        for supervisor in self.supervisors:
            os.close(supervisor.pidfd)
            if supervisor.listener is not None:
                supervisor.listener.close()

    def _kill_containers(self) -> None:
        for pid in children():
            kill(pid)

    def _turn(self) -> None:
        """Wait a little, answer what there is to answer, reap who has ended."""
        listeners = {s.listener.descriptor: s.listener for s in self.supervisors if s.listener}
        poll = select.poll()
        for descriptor in listeners:
            poll.register(descriptor, select.POLLIN)
        for supervisor in self.supervisors:
            if not supervisor.ended:
                poll.register(supervisor.pidfd, select.POLLIN)
        for descriptor, events in poll.poll(_TICK):
            if descriptor in listeners and events & select.POLLIN:
                call = listeners[descriptor].receive()
                if call is not None:
                    self._decide(listeners[descriptor], call)
        while self._held and self._held[0][0] <= time.monotonic():
            _, _, listener, call = heapq.heappop(self._held)
            listener.answer(call)
        self._reap()

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                for supervisor in self.supervisors:
                    if supervisor.pid == ended[0]:
                        supervisor.status = ended[1]

    def _decide(self, listener: Listener, call: Call) -> None:
        role = self._role_of(call.tid)
        if role == "command" and call.name == "execve":
            self._roles[call.tid] = None
        if role is None or not matters(call.name, call.subject, call.arguments):
            listener.answer(call)
        elif self.fault is None:
            self.seen.append((role, call.name, call.subject))
            listener.answer(call)
        elif self._is_its_turn(role, call, self.fault):
            self._do(listener, call, self.fault)
        else:
            listener.answer(call)

    def _is_its_turn(self, role: Role, call: Call, fault: Fault) -> bool:
        if role != fault.role or not counts(fault.mode, call.name, call.subject):
            return False
        self._counted[role] += 1
        return self._counted[role] == fault.number

    def _do(self, listener: Listener, call: Call, fault: Fault) -> None:
        self.hit = f"{call.name} {call.subject}".rstrip()
        match fault.mode:
            case "fail":
                listener.answer(call, error_of(call.name))
            case "kill":
                kill(_process_of(call.tid))
                listener.answer(call, error_of(call.name))
            case "orphan":
                kill(next(s.pid for s in self.supervisors if s.listener is listener))
                listener.answer(call)
            case "delay":
                due = time.monotonic() + DELAY
                heapq.heappush(self._held, (due, call.ticket, listener, call))

    def _role_of(self, tid: int) -> Role | None:
        if tid not in self._roles:
            self._roles[tid] = self._look_up_role(tid)
        return self._roles[tid]

    def _look_up_role(self, tid: int) -> Role | None:
        """Tell by the number that a process has in its own namespace; None for the others."""
        status = _status_of(tid)
        pids = status.get("NSpid", "").split()
        if len(pids) == 2:
            return _ROLES.get(pids[1])
        if int(status.get("Tgid", "0")) in [s.pid for s in self.supervisors]:
            return "supervisor"
        return None


def _status_of(tid: int) -> dict[str, str]:
    with suppress(OSError):
        lines = Path(f"/proc/{tid}/status").read_text().splitlines()
        return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}
    return {}


def _process_of(tid: int) -> int:
    return int(_status_of(tid).get("Tgid", tid))


def faults_of(play: str, seen: Sequence[tuple[Role, str, str]]) -> list[Fault]:
    """Every fault that a recorded play can meet."""
    found = []
    roles = dict.fromkeys(role for role, _, _ in seen)
    for role in roles:
        for mode in modes_of(role):
            number = sum(one == role and counts(mode, name, what) for one, name, what in seen)
            found += [Fault(play, role, mode, each) for each in range(1, number + 1)]
    return found
