"""Tests that need a machine with systemd as PID 1, which they may change as they like.

They run in the lab's guest only: ``./just lab systemd``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lab.systemd.service import BOOTED, Service

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of these tests."""
    config.addinivalue_line("markers", "systemd: needs a machine of its own with systemd")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all tests of this directory, and leave them out unless they are asked for by -m."""
    here = [item for item in items if HERE in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.systemd)
    if "systemd" not in config.getoption("markexpr"):
        items[:] = [item for item in items if item not in here]
        config.hook.pytest_deselected(items=here)


@pytest.fixture(scope="session", autouse=True)
def history_of_boots() -> Sequence[Mapping[str, Any]]:
    """What the service that came with this boot has run, newest first; it is then removed."""
    service = Service(file=Path(BOOTED))
    service.wait_for("StatusText", "2 running, 0 waiting, 0 failed")
    lines = service.pocker("history", "--format", "json").splitlines()
    service.close()
    return [json.loads(line) for line in lines]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Give a service that is not installed."""
    made = Service(file=tmp_path / "jobs.toml")
    yield made
    made.close()
