"""Volumes that nobody names: those of a job, and those that its image asks for."""

from __future__ import annotations

import pytest

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.volumes.naming import is_made_up
from supervisor.anonymous import unnamed_targets, with_image_volumes, with_names
from supervisor.jobspec import JobSpec
from supervisor.mounts import Tmpfs, Volume

JOB = JobSpec(
    name="j",
    image="web",
    volumes=(Volume(source="data", target="/data"), Volume(target="/own", read_only=True)),
    tmpfs=(Tmpfs(target="/tmp"),),
)


def test_what_the_job_mounts_comes_in_the_place_of_the_images() -> None:
    """However the image writes the path, and whatever the job has there."""
    config = ImageConfig(volumes=("/data/", "/more", "/own", "/tmp", "//more/"))
    assert with_image_volumes(JOB, config) == (*JOB.volumes, Volume(target="/more"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data", r"^image.Volumes: 'data' is not an absolute path$"),
        ("/a/../../b", r"^image.Volumes: '/a/../../b' contains '..'$"),
        ("/", r"^image.Volumes: the root itself cannot be a mount target$"),
    ],
)
def test_an_image_cannot_ask_for_any_path(path: str, message: str) -> None:
    """It is told whose value it is."""
    with pytest.raises(SpecError, match=message):
        with_image_volumes(JOB, ImageConfig(volumes=(path,)))


def test_an_image_gets_nothing_in_file_systems_of_the_kernel() -> None:
    """Images made for systemd ask for one in /sys; they start without it."""
    config = ImageConfig(volumes=("/sys/fs/cgroup", "/proc/x", "/process"))
    assert with_image_volumes(JOB, config)[2:] == (Volume(target="/process"),)


def test_a_container_that_lasts_has_them_by_names() -> None:
    """Each gets a name of its own, and all else of it stays; others keep theirs."""
    named, names = with_names(JOB, ImageConfig(volumes=("/more",)))
    assert named.volumes == (
        JOB.volumes[0],
        Volume(source=names[0], target="/own", read_only=True),
        Volume(source=names[1], target="/more"),
    )
    assert all(map(is_made_up, names))
    assert len({*names}) == 2
    assert unnamed_targets(named) == ["/own", "/more"]
    assert unnamed_targets(JOB) == ["/own"]
