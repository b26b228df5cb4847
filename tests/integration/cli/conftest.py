"""The program, with directories of its own, and nothing left of it in the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.directories import Directories
from tests.integration.cli.pocker import Pocker


@pytest.fixture
def pocker(leak_check: None, state: Directories, tmp_path: Path) -> Iterator[Pocker]:
    """Give a program whose traces are looked for after it was ended."""
    made = Pocker(directories=state, top=tmp_path)
    yield made
    made.close()


@pytest.fixture
def root_archive(busybox: Path, tmp_path: Path) -> str:
    """Give a compressed archive of the busybox root."""
    path = tmp_path / "root.tar.gz"
    subprocess.run(["tar", "-czf", path, "-C", busybox, "."], check=True)
    return str(path)
