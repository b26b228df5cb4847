"""A scene for each test of the logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.logs.scene import Scene, scene_in


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Give a log, a spool and pipes."""
    with scene_in(tmp_path) as made:
        yield made
