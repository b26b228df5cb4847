"""The plays that faults come into: what one job goes through, from its file to its end.

After the fault, one plain restart must bring everything to a good end. A play says which ends
are good: `expected` ones are those of a play without a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from attrs import frozen

from supervisor.states import Reason
from tests.torture.forked import Supervisor
from tests.torture.intercept import kill
from tests.torture.trial import Trial

End: TypeAlias = tuple[Reason, int | None]
"""The reason and the exit code of an attempt."""

_SCRIPT = """
echo ran >>/out/ran
echo "out 1"
echo "err 1" >&2
{middle}
echo "out 2"
echo "err 2" >&2
printf "no newline"
{last}
"""
_WAIT = "until test -e /out/go; do sleep 0.02; done"

OUTPUT: Mapping[str, bytes] = {
    "stdout": b"out 1\nout 2\nno newline",
    "stderr": b"err 1\nerr 2\n",
}
"""What an attempt writes that comes to its own end."""


@frozen(kw_only=True)
class Play:
    """What happens, and how it may end: the ends of all attempts, one after the other."""

    perform: Callable[[Trial], None]
    expected: Sequence[Sequence[End]]
    job: str = ""
    """Further keys of the job."""
    middle: str = ""
    last: str = "exit 3"
    host: bool = False

    def jobs_file(self, project: str, image: str) -> str:
        """The file that the play is about; the project's name is the trial's own."""
        script = _SCRIPT.format(middle=self.middle, last=self.last)
        return (
            f'name = "{project}"\n[jobs.job]\nimage = "{"host" if self.host else image}"\n'
            f"command = ['/bin/sh', '-c', '''{script}''']\n"
            f'volumes = ["./out:/out"]\ntmpfs = ["/tmp:size=1m"]\nmemory = "64m"\n{self.job}\n'
        )


def _up(trial: Trial, *, watched: bool = False) -> Supervisor:
    return trial.start("up", str(trial.place.file), watched=watched)


def _finish(trial: Trial) -> None:
    """Start the supervisor once more, if the journal has something left for it to do."""
    run = trial.last_run()
    if run is None or run.ended is None or not trial.supervisors[-1].ended:
        trial.release()
        trial.attend(lambda: trial.supervisors[-1].ended)
    if needs_restart(trial):
        last = _up(trial)
        trial.attend(lambda: last.ended)


def needs_restart(trial: Trial) -> bool:
    """Whether the supervisor that met the fault has left anything to be done."""
    from supervisor.journal import Journal, JournalError

    try:
        journal = Journal.read(trial.place.state / "state.db")
        if journal is None:
            return True
        try:
            session = journal.last_session()
            return session is None or session.ended is None
        finally:
            journal.close()
    except JournalError:
        return True


def _ran(trial: Trial) -> bool:
    return trial.place.marks("ran") > 0


def _run(trial: Trial) -> None:
    """A job from its start to its end."""
    up = _up(trial, watched=True)
    trial.release()
    trial.attend(lambda: up.ended)
    _finish(trial)


def _orphan(trial: Trial) -> None:
    """Have a job that runs and a supervisor that was killed."""
    up = _up(trial)
    trial.attend(lambda: _ran(trial) and "job started" in up.said)
    kill(up.pid)
    trial.attend(lambda: up.ended)


def _adopt(trial: Trial) -> None:
    """A supervisor takes up a job that runs, and sees it end."""
    _orphan(trial)
    up = _up(trial, watched=True)
    trial.attend(lambda: up.ended or "job adopted" in up.said)
    trial.release()
    trial.attend(lambda: up.ended)
    _finish(trial)


def _adopt_ended(trial: Trial) -> None:
    """A supervisor takes up a job that has ended while nobody looked."""
    _orphan(trial)
    trial.release()
    trial.attend(lambda: trial.place.marks("done") > 0)
    up = _up(trial, watched=True)
    trial.attend(lambda: up.ended)
    _finish(trial)


def _stop(trial: Trial) -> None:
    """A supervisor is asked to end while its job runs."""
    up = _up(trial, watched=True)
    trial.attend(lambda: up.ended or (_ran(trial) and "job started" in up.said))
    if not up.ended:
        up.terminate()
        trial.attend(lambda: up.ended)
    _finish(trial)


def _down(trial: Trial) -> None:
    """The job of a supervisor that was killed is stopped."""
    _orphan(trial)
    down = trial.start("down", watched=True)
    trial.attend(lambda: down.ended)
    if needs_restart(trial):
        again = trial.start("down")
        trial.attend(lambda: again.ended)


_OWN_END: End = (Reason.ERROR, 3)
_STOPPED: End = (Reason.CANCELLED, 7)

PLAYS: Mapping[str, Play] = {
    "run": Play(perform=_run, expected=[[_OWN_END]]),
    "host": Play(perform=_run, expected=[[_OWN_END]], host=True),
    "retry": Play(
        perform=_run,
        expected=[[(Reason.ERROR, 1), _OWN_END]],
        job='retries = 1\nbackoff = { initial = "50ms", jitter = 0 }',
        last='test "$(wc -l </out/ran)" = 1 && exit 1\nexit 3',
    ),
    "timeout": Play(
        perform=_run,
        expected=[[(Reason.DEADLINE_EXCEEDED, 137)]],
        job='timeout = "300ms"',
        last="sleep 60",
    ),
    "adopt": Play(perform=_adopt, expected=[[_OWN_END]], middle=_WAIT),
    "adopt-ended": Play(
        perform=_adopt_ended,
        expected=[[_OWN_END]],
        middle=_WAIT,
        last="echo done >>/out/done; exit 3",
    ),
    "stop": Play(
        perform=_stop,
        expected=[[_STOPPED], [_OWN_END]],
        middle=f"trap 'printf \"no newline\"; exit 7' TERM; {_WAIT}",
    ),
    "down": Play(
        perform=_down,
        expected=[[_STOPPED]],
        middle=f"trap 'printf \"no newline\"; exit 7' TERM; {_WAIT}",
    ),
}
