"""What can be asked of a torture, and how the long ones are kept out of the normal suite."""

from __future__ import annotations

import faulthandler
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what ``./just torture`` passes on."""
    group = parser.getgroup("torture")
    group.addoption(
        "--torture-seed", type=int, default=1, help="what workloads and kills follow from"
    )
    group.addoption(
        "--torture-kills", type=int, default=200, help="how many supervisors are killed"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of what takes minutes."""
    config.addinivalue_line("markers", "torture: takes minutes, and runs only if asked for by -m")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if "torture" not in config.getoption("markexpr"):
        long = [item for item in items if item.get_closest_marker("torture")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture
def unhurried() -> None:
    """Let a test take its minutes without having its stack shown, as that of one that hangs."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def evidence() -> Iterator[Path]:
    """Make a directory that is kept where a test fails; a socket's path in it must be short."""
    top = Path(tempfile.mkdtemp(prefix="pk-torture-"))
    yield top
    if not any(top.rglob("problems")):
        shutil.rmtree(top)
