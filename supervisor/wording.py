"""How outcomes are told: one wording for the terminal, the log and the journal. Pure."""

from __future__ import annotations

import signal

from runtime.container import Exit
from runtime.units import format_duration, format_size
from supervisor.jobspec import JobSpec
from supervisor.states import Reason


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


def describe_end(reason: Reason, exit_: Exit, job: JobSpec) -> str:
    """Why an attempt ended as it did, in the words of a user."""
    how = describe_exit(exit_)
    match reason:
        case Reason.OOM_KILLED:
            usage = exit_.usage
            peak = "" if usage.memory_peak is None else f", peak {format_size(usage.memory_peak)}"
            limit = job.limits.memory
            bound = "no limit of its own" if limit is None else f"limit {format_size(limit)}"
            return f"{how}; {usage.oom_kills} process(es) killed for memory ({bound}{peak})"
        case Reason.DEADLINE_EXCEEDED:
            assert job.timeout is not None
            return f"{how}; ran longer than its timeout of {format_duration(job.timeout)}"
        case Reason.CANCELLED:
            return f"{how}; stopped on request"
        case Reason.COMPLETED if exit_.usage.oom_kills:
            return f"{how}; survived {exit_.usage.oom_kills} process(es) killed for memory"
        case _:
            return how
