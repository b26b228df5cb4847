"""The plays that faults come into: what one job goes through, from its file to its end.

After the fault, one plain restart must bring everything to a good end. A play says which ends are
good: those that it can have without a fault, wherever the supervisor is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve, frozen

from supervisor.states import Reason
from tests.torture.forked import Supervisor
from tests.torture.intercept import is_waiting, kill
from tests.torture.trial import Trial

_SCRIPT = """
{first}
echo ran >>/out/ran
echo "out 1"
echo "err 1" >&2
{middle}
echo "out 2"
echo "err 2" >&2
printf "no newline"
{last}
"""
_WAIT = "echo waits >>/out/waits\nuntil test -e /out/go; do sleep 0.02; done"
_OBEY = "trap 'printf \"no newline\"; exit 7' TERM"


@frozen(kw_only=True)
class End:
    """How an attempt ends, and all that it has written then."""

    reason: Reason
    code: int
    stdout: bytes = b"out 1\nout 2\nno newline"
    stderr: bytes = b"err 1\nerr 2\n"
    executed: bool = True


@frozen(kw_only=True)
class Play:
    """What happens, and the good ends: those of all attempts, one after the other."""

    perform: Callable[[Trial], None]
    ends: Sequence[Sequence[End]]
    keys: str = ""
    """Further keys of the job."""
    first: str = ""
    middle: str = ""
    last: str = "exit 3"
    host: bool = False
    command: str = ""
    """What is executed in place of the script."""

    def jobs_file(self, project: str, image: str) -> str:
        """The file that the play is about; the project's name is the trial's own."""
        script = _SCRIPT.format(first=self.first, middle=self.middle, last=self.last)
        command = f"['{self.command}']" if self.command else f'"""{_quoted(script)}"""'
        return (
            f'name = "{project}"\n[jobs.job]\nimage = "{"host" if self.host else image}"\n'
            f"command = {command}\n"
            'volumes = ["./out:/out", "/own"]\ntmpfs = ["/tmp:size=1m"]\n'
            f'memory = "64m"\n{self.keys}\n'
        )


def _quoted(text: str) -> str:
    """Write a text as it has to stand in a TOML string, with no variable in it replaced."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")


def _up(trial: Trial, *, watched: bool = False) -> Supervisor:
    return trial.start("up", str(trial.place.file), watched=watched)


def _finish(trial: Trial) -> None:
    """Start the supervisor once more, if it has left something to be done."""
    trial.release()
    if trial.unfinished:
        last = _up(trial)
        trial.attend(lambda: last.ended)


def _waits(trial: Trial) -> bool:
    """Whether the job has come to `_WAIT`, with all that it writes before."""
    return trial.place.marks("waits") > 0


def _run(trial: Trial) -> None:
    """A job from its start to its end."""
    up = _up(trial, watched=True)
    trial.attend(lambda: up.ended)
    _finish(trial)


def _has_said(trial: Trial, supervisor: Supervisor, word: str) -> bool:
    """Whether a supervisor has said that, or could not say anything.

    It is not looked up in the database, whose locks are held by who stands still.
    """
    return word in supervisor.said or str(supervisor.log) in trial.hit


def _orphan(trial: Trial) -> None:
    """Have a job that runs and a supervisor that was killed."""
    up = _up(trial)
    trial.attend(lambda: _waits(trial) and _has_said(trial, up, "job started"))
    kill(up.pid)
    trial.attend(lambda: up.ended)


def _adopt(trial: Trial) -> None:
    """A supervisor takes up a job that runs, and sees it end."""
    _orphan(trial)
    up = _up(trial, watched=True)
    trial.attend(lambda: up.ended or _has_said(trial, up, "job adopted"))
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
    trial.attend(lambda: up.ended or (_waits(trial) and _has_said(trial, up, "job started")))
    trial.attend(lambda: up.ended or is_waiting(up.pid))
    if not up.ended:
        up.terminate()
        trial.attend(lambda: up.ended)
    _finish(trial)


def _down(trial: Trial) -> None:
    """The job of a supervisor that was killed is stopped."""
    _orphan(trial)
    down = trial.start("down", watched=True)
    trial.attend(lambda: down.ended)
    if trial.unfinished:
        again = trial.start("down")
        trial.attend(lambda: again.ended)


_OWN = End(reason=Reason.ERROR, code=3)
_STOPPED = End(reason=Reason.CANCELLED, code=7, stdout=b"out 1\nno newline", stderr=b"err 1\n")

PLAYS: Mapping[str, Play] = {
    "run": Play(perform=_run, ends=[[_OWN]]),
    "host": Play(perform=_run, ends=[[_OWN]], host=True),
    "absent": Play(
        perform=_run,
        ends=[[End(reason=Reason.START_ERROR, code=127, stdout=b"", stderr=b"", executed=False)]],
        command="/not/there",
    ),
    "retry": Play(
        perform=_run,
        ends=[[End(reason=Reason.ERROR, code=1), _OWN]],
        keys='retries = 1\nbackoff = { initial = "50ms", jitter = 0 }',
        last='test "$(wc -l </out/ran)" = 1 && exit 1\nexit 3',
    ),
    "timeout": Play(
        perform=_run,
        ends=[[End(reason=Reason.DEADLINE_EXCEEDED, code=137)]],
        keys='timeout = "300ms"',
        last="sleep 60",
    ),
    "adopt": Play(perform=_adopt, ends=[[_OWN]], middle=_WAIT),
    "adopt-ended": Play(
        perform=_adopt_ended,
        ends=[[_OWN]],
        middle=_WAIT,
        last="echo done >>/out/done; exit 3",
    ),
    "stop": Play(
        perform=_stop,
        # The last: killed when it had written down that it would stop the job, which ends itself.
        ends=[[_STOPPED], [_OWN], [evolve(_OWN, reason=Reason.CANCELLED)]],
        first=_OBEY,
        middle=_WAIT,
    ),
    "down": Play(perform=_down, ends=[[_STOPPED]], first=_OBEY, middle=_WAIT),
}
