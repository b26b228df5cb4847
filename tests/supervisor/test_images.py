"""What a jobs file needs of the image store is looked at before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.images.store import ImageStore
from supervisor.images import require_images
from supervisor.problems import JobsFileError
from tests.runtime.images.archives import Member, add_image, archive
from tests.supervisor.cli.calling import call
from tests.supervisor.documents import read

WAITING = """
[jobs.server]
image = "app"
{key}
[jobs.client]
image = "host"
command = "x"
depends_on = {{ server = {{ condition = "service_healthy" }} }}
"""


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """Give a store with an image that has a test, and one that has none."""
    layer = archive(Member(name="a"))
    store = ImageStore(f"{tmp_path}/state")
    add_image(store, [layer], "app", Healthcheck={"Test": ["CMD", "true"]})
    add_image(store, [layer], "plain")
    return Directories(f"{tmp_path}/run", f"{tmp_path}/state")


def required(text: str, directories: Directories) -> list[str]:
    """What is wrong with all jobs of a file."""
    file = read(text)
    try:
        require_images(file, file.jobs, directories)
    except JobsFileError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_check_tells_of_images_that_are_not_here(directories: Directories) -> None:
    """That is no mistake of the file, for they can be brought; what is one is refused as ever."""
    text = WAITING.format(key="").replace('"app"', '"none"')
    options = ("--root", directories.root, "--state", directories.state)
    file = Path(directories.state).parent / "jobs.toml"
    file.write_text(text)
    called = call(*options, "check", str(file))
    assert (called.code, called.stdout) == (0, f"{file}: ok, 2 jobs\n")
    assert called.stderr == f"{file}:3: jobs.server.image: image none: not in the store\n"
    file.write_text(text.replace('"none"', '"plain"'))
    called = call(*options, "check", str(file))
    assert (called.code, called.stdout) == (2, "")
    assert "jobs.client.depends_on.server: neither server" in called.stderr


@pytest.mark.parametrize(
    ("key", "image", "wrong"),
    [
        ("", "app", []),
        ("", "plain", ["8: jobs.client.depends_on.server: neither server nor its image has a"]),
        ("healthcheck = { retries = 2 }", "app", []),
        ("healthcheck = { retries = 2 }", "plain", ["4: jobs.server.healthcheck: has no test"]),
        ("", "none", ["3: jobs.server.image: image none: not in the store"]),
    ],
)
def test_an_image_may_bring_the_test_that_others_wait_for(
    key: str, image: str, wrong: list[str], directories: Directories
) -> None:
    """Where it does not, and the job does not either, nobody would ever be found healthy."""
    found = required(WAITING.format(key=key).replace('"app"', f'"{image}"'), directories)
    assert len(found) == len(wrong)
    for problem, beginning in zip(found, wrong, strict=True):
        assert problem.partition(":")[2].startswith(beginning)
