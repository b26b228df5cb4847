"""How it is told who was killed for memory, and by whose limit."""

from __future__ import annotations

from attrs import evolve

from runtime.cgroups import Usage
from supervisor.wording import describe_victims

USAGE = Usage(cpu_seconds=1.0, memory_peak=16 << 20, oom_kills=2)


def test_the_limit_is_named_where_nobody_tells_more() -> None:
    """With v1 and without the kernel's log only the job's own limit is known."""
    told = describe_victims([], USAGE, 16 << 20)
    assert told == "2 process(es) killed for memory: limit 16MiB, peak 16MiB"
    assert describe_victims([], evolve(USAGE, own_limit_hits=2), 16 << 20) == told
    assert describe_victims([], USAGE, None).endswith("no limit of its own, peak 16MiB")


def test_another_limit_is_not_taken_for_the_job_s() -> None:
    """v2 counts apart how often it was that of the job itself."""
    told = describe_victims([], evolve(USAGE, own_limit_hits=0), 16 << 20)
    assert told == "2 process(es) killed for memory: not by its own limit"
