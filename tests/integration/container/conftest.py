"""A stage for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.directories import Directories
from tests.integration.container.stage import Stage, stage_in


@pytest.fixture
def stage(state: Directories, busybox: Path) -> Iterator[Stage]:
    """Give a runtime with directories of its own."""
    with stage_in(state, busybox) as stage:
        yield stage
