"""The line that `systemctl status` shows of a supervisor. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from supervisor.states import RunState

_ALWAYS = ("running", "waiting", "failed")
_WORDS = {
    RunState.PENDING: "waiting",
    RunState.QUEUED: "waiting",
    RunState.BACKOFF: "waiting",
    RunState.STARTING: "starting",
    RunState.RUNNING: "running",
    RunState.STOPPING: "running",
    RunState.FAILED: "failed",
    RunState.SUCCEEDED: "succeeded",
    RunState.SKIPPED: "skipped",
    RunState.CANCELLED: "cancelled",
}


def describe_states(states: Iterable[RunState], *, stopping: bool) -> str:
    """How many jobs run, wait and have failed, and of the others those that there are."""
    counts = Counter(_WORDS[state] for state in states)
    words = dict.fromkeys([*_ALWAYS, *_WORDS.values()])
    line = ", ".join(f"{counts[word]} {word}" for word in words if word in _ALWAYS or counts[word])
    return f"stopping: {line}" if stopping else line
