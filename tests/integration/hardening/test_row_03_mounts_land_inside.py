"""Row 3: mounts land inside the rootfs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import SpecError, StartError
from runtime.spec import OverlayRootfs, Tmpfs, Volume
from tests.integration.container.stage import Stage
from tests.leaks import mounts

pytestmark = pytest.mark.root

STARTS = int(os.environ.get("POCKER_RACE_STARTS", "60"))
"""Each takes milliseconds, in which the racer renames hundreds of times."""


@pytest.fixture(autouse=True)
def same_mounts() -> Iterator[None]:
    """Compare the host's table of mounts."""
    before = mounts()
    yield
    assert mounts() == before


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give something to mount."""
    place = tmp_path / "data"
    place.mkdir()
    (place / "mounted").write_text("mounted")
    return place


@pytest.mark.parametrize("link", ["{canary}", "../../../../../../../..{canary}", "./..{canary}"])
@pytest.mark.parametrize("below", ["", "/below"])
async def test_a_link_of_the_image_leads_to_its_own_files(
    stage: Stage, image: Path, canary: Path, data: Path, *, link: str, below: str
) -> None:
    """Absolute or climbing: what is mounted there is the image's directory of that name."""
    inside = image / str(canary).lstrip("/")
    inside.mkdir(parents=True)
    (image / "link").symlink_to(link.format(canary=canary))
    volume = Volume(source=str(data), target=f"/link{below}")
    ended = await stage.run(f"cat {canary}{below}/mounted", volumes=(volume,))
    assert ended.text == "mounted"
    tmpfs = Tmpfs(target=f"/link{below}")
    ended = await stage.run(f"touch {canary}{below}/x; ls {canary}{below}", tmpfs=(tmpfs,))
    assert ended.text == "x\n"


@pytest.mark.parametrize("target", ["/link", "/link/below", "/link/file"])
async def test_a_link_to_what_only_the_host_has_is_refused(
    stage: Stage, image: Path, canary: Path, data: Path, target: str
) -> None:
    """It leads nowhere inside the root, and nothing is made outside."""
    (image / "link").symlink_to(canary)
    for source in (data, data / "mounted"):
        with pytest.raises(StartError) as error:
            await stage.run("true", volumes=(Volume(source=str(source), target=target),))
        assert str(error.value).endswith(", volumes[0])")


@pytest.mark.parametrize(
    "link",
    [
        "/proc/self/root",
        "/proc/1/root",
        "/proc/self/cwd",
        "/proc/self/fd/5",
        "/proc/thread-self/root",
    ],
)
async def test_a_link_of_proc_is_refused(
    stage: Stage, image: Path, data: Path, canary: Path, link: str
) -> None:
    """They jump to what they stand for, which at that time is the host's."""
    (image / "link").symlink_to(link)
    for target in ("/link", f"/link{canary}"):
        with pytest.raises(StartError, match=r"too many levels of symbolic links|no such"):
            await stage.run("true", volumes=(Volume(source=str(data), target=target),))


@pytest.mark.parametrize(
    "target", ["/..", "/a/../../b", "../a", "/proc/1/root", "//proc/x", "/sys/fs/cgroup/x", "/"]
)
async def test_a_target_that_leads_out_is_refused_as_written(stage: Stage, target: str) -> None:
    """Before anything is made, with the name of the field."""
    with pytest.raises(SpecError) as error:
        await stage.run("true", volumes=(Volume(source="/etc", target=target),))
    assert error.value.field == "volumes[0].target"


async def test_a_link_in_a_lower_layer_counts_as_one(
    stage: Stage, image: Path, tmp_path: Path, canary: Path, data: Path
) -> None:
    """Layers are one tree for the kernel, and links in any of them stay in it."""
    top = tmp_path / "top"
    (top / "srv").mkdir(parents=True)
    (image / "srv").mkdir()
    (image / "srv/link").symlink_to("/../.." + str(canary))
    rootfs = OverlayRootfs((str(top), str(image)))
    with pytest.raises(StartError, match="file exists"):
        await stage.run(
            "true", rootfs=rootfs, volumes=(Volume(source=str(data), target="/srv/link/x"),)
        )


async def test_a_race_for_the_target_is_never_won(
    stage: Stage, canary: Path, data: Path, tmp_path: Path, probe: Path
) -> None:
    """A shared volume in which somebody swaps directories and links while containers start."""
    shared = tmp_path / "shared"
    shared.mkdir()
    volumes = (
        Volume(source=str(shared), target="/shared"),
        Volume(source=str(data), target="/shared/place/inside"),
    )
    outcomes = set()
    command: list[str | Path] = [probe, "race", shared / "place", canary]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as racer:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
        for _ in range(STARTS):
            try:
                await stage.run("true", volumes=volumes)
                outcomes.add("started")
            except StartError as error:
                outcomes.add(str(error).rpartition(": ")[2].partition(" (step")[0])
        racer.kill()
    assert outcomes <= {
        "started",
        "file exists",
        "no such file or directory",
        "resource temporarily unavailable",
    }
