"""The reference is what the code says, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from supervisor.jobsfile import load
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.kinds import keys_of
from supervisor.reference import SECTIONS, key_texts, render
from supervisor.resources import Resources

DOCUMENT = Path(__file__).parents[2] / "docs" / "jobs-toml.md"
JOB_KEYS = {**key_texts(JobSpec), **key_texts(Resources)}


def test_document_is_up_to_date() -> None:
    """docs/jobs-toml.md is the output of `python -m supervisor.reference`."""
    assert DOCUMENT.read_text() == render()


def test_every_key_is_explained_once() -> None:
    """No key is left out of the sections, and none is in two of them."""
    explained = [name for names in SECTIONS.values() for name in names]
    assert sorted(explained) == sorted([*keys_of(JobSpec), *keys_of(Resources)])


@pytest.mark.parametrize("name", JOB_KEYS)
def test_every_key_has_a_meaning_a_default_and_an_example(name: str) -> None:
    """Each entry says all that a reader of it needs."""
    text = JOB_KEYS[name]
    assert text.meaning.endswith(".")
    assert text.default
    assert text.example.splitlines()[-1].startswith(f"{name} =")


@pytest.mark.parametrize("name", JOB_KEYS)
def test_every_example_of_a_key_works(name: str) -> None:
    """An example can be copied into a job."""
    lines = {"image": 'image = "host"', "command": 'command = "true"'}
    lines |= {"image": ""} if name == "rootfs" else {}
    lines |= {name: JOB_KEYS[name].example}
    other = '[jobs.database]\nimage = "host"\ncommand = "true"\n'
    text = other + "[jobs.example]\n" + "\n".join(lines.values())
    assert "example" in load(text.encode(), "/srv/x/jobs.toml", {}).jobs


@pytest.mark.parametrize("name", key_texts(JobsFile))
def test_every_example_of_the_file_s_own_keys_works(name: str) -> None:
    """An example can be copied to the top of a file."""
    text = key_texts(JobsFile)[name].example + '\n[jobs.a]\nimage = "host"\ncommand = "true"\n'
    assert load(text.encode(), "/srv/x/jobs.toml", {}).jobs


def test_first_example_works() -> None:
    """What the reference begins with is a whole file."""
    match = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert match
    jobs = load(match[1].encode(), "/srv/x/jobs.toml", {}).jobs
    assert list(jobs) == ["fetch", "count"]
