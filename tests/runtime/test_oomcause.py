"""What the kernel's log says about a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.oomcause import KernelLog, OomVictim, parse_victim

LINE = (
    b"6,24857,4316320430,-;oom-kill:constraint=%s,nodemask=(null),cpuset=/,mems_allowed=0,"
    b"%s,task_memcg=%s,task=%s,pid=30889,uid=0\n"
)


def victim(exhausted: bytes, group: bytes, task: bytes = b"python3") -> OomVictim:
    """A kill as the log tells it."""
    found = parse_victim(LINE % (b"CONSTRAINT_MEMCG", exhausted, group, task))
    assert found is not None
    return found


def test_the_container_s_own_limit() -> None:
    """The exhausted group is the container's, or lies inside it."""
    for exhausted in (b"oom_memcg=/a/pocker/job-1", b"oom_memcg=/a/pocker/job-1/inner"):
        seen = victim(exhausted, b"/a/pocker/job-1/inner").seen_from("job-1")
        assert seen is not None
        assert (seen.process, seen.pid, seen.is_own) == ("python3", 30889, True)


def test_an_ancestor_s_limit() -> None:
    """A group above the container ran out: it is named, and it is not the container's own."""
    seen = victim(b"oom_memcg=/a/pocker", b"/a/pocker/job-1").seen_from("job-1")
    assert seen is not None
    assert (seen.exhausted, seen.is_own) == ("/a/pocker", False)


def test_the_host_s_memory() -> None:
    """Without a group it was the machine's memory."""
    seen = victim(b"global_oom", b"/a/pocker/job-1").seen_from("job-1")
    assert seen is not None
    assert (seen.exhausted, seen.is_own) == (None, False)


def test_another_container_s_kill_is_not_seen() -> None:
    """Names are compared whole: job-1 is not job-11."""
    assert victim(b"global_oom", b"/a/pocker/job-11").seen_from("job-1") is None


@pytest.mark.parametrize("task", [b"a,b", b"x=y", b"(sh)", b"\xff"])
def test_names_of_processes_are_data(task: bytes) -> None:
    """A process may have any name; none of them confuses the reader."""
    found = victim(b"global_oom", b"/a/job", task)
    assert found.process == task.decode("utf-8", "replace")


@pytest.mark.parametrize("record", [b"", b"4,1,2,-;hello", b"oom-kill:constraint=X,pid=1"])
def test_other_records_tell_nothing(record: bytes) -> None:
    """What is no kill is passed over."""
    assert parse_victim(record) is None


def test_a_log_that_may_not_be_read_is_silent(tmp_path: Path) -> None:
    """Then the counter alone speaks."""
    log = KernelLog(str(tmp_path / "absent"))
    assert log.victims("job-1") == []
    log.close()
