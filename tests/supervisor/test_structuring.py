"""What is refused as the value of a key, and how that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.jobspec import JobsFile, JobSpec
from supervisor.kinds import keys_of, kind_of
from supervisor.resources import Resources
from supervisor.structuring import Readers
from tests.supervisor.documents import in_job, problems

WRONG_KEYS = (Path(__file__).parent / "refused_keys.txt").read_text()
"""Lines of a job's table, from line 4 of the file on, and after => the line and the problem."""


@pytest.mark.parametrize("case", WRONG_KEYS.strip().split("\n\n"))
def test_wrong_key_is_named_with_its_line(case: str) -> None:
    """Each mistake is one problem that says where it is, what was given and what is accepted."""
    lines, _, expected = case.partition("\n=> ")
    line, _, problem = expected.partition(": ")
    assert problems(in_job(lines)) == [f"jobs.toml:{line}: jobs.load.{problem}"]


@pytest.mark.parametrize("name", ["kernel.panic", "kernel.core_pattern", "vm.swappiness"])
def test_sysctls_of_the_machine_are_refused(name: str) -> None:
    """Only settings of the job's own namespaces can be asked for."""
    (problem,) = problems(in_job(f"sysctls = {{ '{name}' = 1 }}"))
    assert f"{name!r} belongs to the whole machine" in problem


@pytest.mark.parametrize("name", ["net/core/x", "net..x", "../x", "net.core.+x", ""])
def test_sysctl_names_are_strict(name: str) -> None:
    """A name can never lead to another file than its own below /proc/sys."""
    (problem,) = problems(in_job(f"sysctls = {{ '{name}' = 1 }}"))
    assert "is not the name of a sysctl" in problem


def test_host_network_is_not_the_job_s_to_change() -> None:
    """net.* needs a network of the job's own."""
    (problem,) = problems(in_job("sysctls = { 'net.core.x' = 1 }\nnetwork_mode = 'host'"))
    assert problem.startswith("jobs.toml:4: jobs.load.sysctls.\"net.core.x\": 'net.core.x' would")


@pytest.mark.parametrize("cls", [JobSpec, Resources, JobsFile])
def test_every_key_has_a_reader(cls: type) -> None:
    """No declared key is taken over unchecked because its kind was forgotten."""
    readers = Readers("/", {})
    for annotation in keys_of(cls).values():
        assert kind_of(annotation) in readers.by_kind
