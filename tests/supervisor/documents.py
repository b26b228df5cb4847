"""Jobs files for the tests: right ones with something wrong in them, and what is said of that."""

from __future__ import annotations

import pytest

from supervisor.jobsfile import load
from supervisor.jobspec import JobsFile
from supervisor.problems import JobsFileError

PATH = "/srv/Nightly ETL/jobs.toml"


def read(text: str) -> JobsFile:
    """The file with this text; its directory is called Nightly ETL."""
    return load(text.encode(), PATH, {"SET": "value", "EMPTY": ""}, shown="jobs.toml")


def problems(text: str | bytes) -> list[str]:
    """What is wrong with this text."""
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(JobsFileError) as caught:
        load(raw, PATH, {}, shown="jobs.toml")
    return [str(problem) for problem in caught.value.problems]


def in_job(lines: str) -> str:
    """A file whose only job is right but for these lines, which begin on line 4."""
    return f"[jobs.load]\nimage = 'host'\ncommand = ['x']\n{lines}\n"
