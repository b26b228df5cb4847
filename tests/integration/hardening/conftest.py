"""A stage for each test, on an image that has a program to try things with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.directories import Directories
from tests.integration.container.stage import Stage, stage_in

PROBE = Path(__file__).parent / "probe.c"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the probe: static, so that it runs in any root."""
    place = tmp_path_factory.mktemp("probe") / "probe"
    flags = ("-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-static")
    subprocess.run(["gcc", *flags, PROBE, "-o", place], check=True)
    return place


@pytest.fixture(scope="session")
def base(busybox: Path, probe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the lower layer of all images: busybox and the probe."""
    place = tmp_path_factory.mktemp("base") / "image"
    shutil.copytree(busybox, place, symlinks=True)
    shutil.copy2(probe, place / "bin/probe")
    return place


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Give the upper layer of a test's own image, to be made hostile."""
    top = tmp_path / "image"
    for name in ("bin", "etc"):
        (top / name).mkdir(parents=True)
    return top


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Give a directory of the host; it must be as it was after the test."""
    place = tmp_path / "canary"
    place.mkdir()
    (place / "file").write_text("canary")
    before = (place / "file").stat()
    yield place
    after = (place / "file").stat()
    assert [path.name for path in place.iterdir()] == ["file"]
    assert (place / "file").read_text() == "canary"
    assert (before.st_mode, before.st_uid, before.st_ino) == (
        after.st_mode,
        after.st_uid,
        after.st_ino,
    )


@pytest.fixture
def stage(state: Directories, image: Path, base: Path) -> Iterator[Stage]:
    """Give a runtime with directories of its own."""
    with stage_in(state, image, base) as stage:
        yield stage
