"""The program, with directories of its own, and nothing left of it in the end."""

from __future__ import annotations

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
