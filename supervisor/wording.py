"""How outcomes are told: one wording for the terminal, the log and the journal. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from runtime.cgroups import Usage
from runtime.container import Exit
from runtime.oomcause import OomVictim
from runtime.units import format_duration, format_size
from supervisor.jobspec import JobSpec
from supervisor.states import Reason, StopCause

STOPPED: Mapping[StopCause, str] = {
    "cancelled": "stopped on request",
    "removed": "removed from the jobs file",
    "replaced": "stopped for its new definition",
    "shutdown": "stopped with its supervisor",
}
"""Why somebody ended it, in the words of a user."""


def signal_name(number: int) -> str:
    """``SIGTERM`` for 15; real-time signals by number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def describe_exit(exit_: Exit) -> str:
    """``exit code 3``, ``killed by SIGKILL``, or that nobody knows."""
    if exit_.signal is not None:
        core = ", core dumped" if exit_.core_dumped else ""
        return f"killed by {signal_name(exit_.signal)}{core}"
    if exit_.code is not None:
        return f"exit code {exit_.code}"
    return "nobody saw how it ended"


def describe_victims(victims: Sequence[OomVictim], usage: Usage, limit: int | None) -> str:
    """Who was killed for memory and whose memory ran out; `limit` is bytes."""
    kills = usage.oom_kills
    named = ", ".join(f"{victim.process} (pid {victim.pid})" for victim in victims)
    unnamed = kills - len(victims)
    who = named or f"{kills} process(es)"
    if named and unnamed > 0:
        who += f" and {unnamed} more"
    return f"{who} killed for memory: {_whose_memory(victims, usage, limit)}"


def _whose_memory(victims: Sequence[OomVictim], usage: Usage, limit: int | None) -> str:
    if victims and victims[-1].exhausted is None:
        return "the host ran out of it"
    if victims and not victims[-1].is_own:
        return f"a group above the job ran out of it ({victims[-1].exhausted})"
    if not victims and usage.own_limit_hits == 0:
        return (
            "not by its own limit"  # the kernel's log, which would tell by whose, is not readable
        )
    peak = usage.memory_peak
    reached = "no limit of its own" if limit is None else f"limit {format_size(limit)}"
    return reached if peak is None else f"{reached}, peak {format_size(peak)}"


def describe_end(
    reason: Reason,
    exit_: Exit,
    job: JobSpec,
    stop: StopCause | None = None,
    victims: Sequence[OomVictim] = (),
) -> str:
    """Why an attempt ended as it did, in the words of a user."""
    how = describe_exit(exit_)
    match reason:
        case Reason.OOM_KILLED | Reason.COMPLETED if exit_.usage.oom_kills:
            return f"{how}; {describe_victims(victims, exit_.usage, job.limits.memory)}"
        case Reason.DEADLINE_EXCEEDED:
            assert job.timeout is not None
            return f"{how}; ran longer than its timeout of {format_duration(job.timeout)}"
        case Reason.CANCELLED:
            assert stop is not None
            return f"{how}; {STOPPED[stop]}"
        case _:
            return how
