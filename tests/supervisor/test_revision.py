"""What differs between two readings of a jobs file."""

from __future__ import annotations

import signal

import pytest
from attrs import evolve, fields

from runtime.limits import IoLimit, Limits
from supervisor.jobspec import JobSpec
from supervisor.policies import (
    Backoff,
    Condition,
    Dependency,
    LogOptions,
    RestartKind,
    SecurityOptions,
)
from supervisor.policies import RestartPolicy as Policy
from supervisor.revision import LATER_KEYS, Revision, compare, definition

JOB = JobSpec(name="a", image="host", command=("true",))


def test_jobs_are_compared_by_name() -> None:
    """New, gone and changed ones are told in the order of the file they are in, others not."""
    b, c, d = (evolve(JOB, name=name) for name in "bcd")
    old = {"a": JOB, "b": b, "c": c}
    new = {"d": d, "c": evolve(c, user="1000"), "a": JOB}
    assert compare(old, new) == Revision(added=("d",), removed=("b",), changed=("c",))
    assert str(compare(old, new)) == "new: d; removed: b; changed: c"
    assert str(compare(old, old)) == "no job has changed"


@pytest.mark.parametrize(
    "changed",
    [
        evolve(JOB, command=("false",)),
        evolve(JOB, environment={"A": "b"}),
        evolve(JOB, limits=Limits(memory=1 << 20)),
        evolve(JOB, limits=Limits(io=(IoLimit(device="/dev/sda", read_bytes=1),))),
        evolve(JOB, log=LogOptions(merge=True)),
        evolve(JOB, stop_signal=int(signal.SIGINT)),
        evolve(JOB, timeout=3.0),
        evolve(JOB, security_opt=SecurityOptions(seccomp_profile="{}")),
    ],
)
def test_what_an_attempt_is_made_of_is_in_its_definition(changed: JobSpec) -> None:
    """Whatever a running attempt would have to be made anew for makes another digest."""
    assert definition(changed) != definition(JOB)


@pytest.mark.parametrize(
    "changed",
    [
        evolve(JOB, depends_on=(Dependency(job="b", condition=Condition.STARTED),)),
        evolve(JOB, restart=Policy(kind=RestartKind.ALWAYS)),
        evolve(JOB, retries=3, backoff=Backoff(initial=3)),
        evolve(JOB, keep_runs=3, labels={"a": "b"}, allow_failure=True, success_codes=(3,)),
    ],
)
def test_what_counts_only_later_is_not(changed: JobSpec) -> None:
    """A policy is followed from now on without any attempt made anew for it."""
    assert definition(changed) == definition(JOB)


def test_a_default_is_no_part_of_a_definition() -> None:
    """A version that knows more keys finds the definitions of files without them unchanged."""
    assert definition(evolve(JOB, stop_grace_period=10.0)) == definition(JOB)
    # What this version has written beside containers, later ones compare with.
    assert definition(JOB) == "13b0d5b7cd7e9509cb91312290057352ff2cd9eca585aed76112837b867b9491"


def test_the_keys_that_count_later_exist() -> None:
    """Each of them is a key of a job."""
    assert {each.name for each in fields(JobSpec)} >= LATER_KEYS
