"""Which driver a log is written with, and that it stays with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from supervisor.logs import (
    LogDestination,
    LogDriver,
    LogError,
    LogLimits,
    LogOrigin,
    LogWriter,
    is_in_journal,
    open_log,
)
from supervisor.logs.journald import JournaldWriter

CLASSES: dict[LogDriver, type] = {"file": LogWriter, "journald": JournaldWriter}
OTHER: dict[LogDriver, LogDriver] = {"file": "journald", "journald": "file"}


def opened(top: Path, driver: LogDriver) -> LogDestination:
    """A log as an attempt opens it."""
    return open_log(
        f"{top}/logs/load/1/1",
        f"{top}/spool",
        LogOrigin(job="load", run=1, attempt=1, container="etl-load-1a2b"),
        driver=driver,
        limits=LogLimits(),
        on_event=print,
    )


@pytest.mark.parametrize("driver", CLASSES)
def test_a_log_stays_with_its_driver(tmp_path: Path, driver: LogDriver) -> None:
    """A job that asks for another one gets it with its next attempt: no output is torn apart."""
    for asked in (driver, OTHER[driver]):
        with opened(tmp_path, asked) as log:
            assert type(log) is CLASSES[driver]
        assert is_in_journal(f"{tmp_path}/logs/load/1/1") == (driver == "journald")


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """The start fails with the path and the cause."""
    (tmp_path / "logs").touch()
    with pytest.raises(LogError, match=r"^make log \S+/logs/load: Not a directory$"):
        opened(tmp_path, "file")


def test_a_mark_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A link in its place is not followed."""
    directory = tmp_path / "logs/load/1/1"
    directory.mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere", directory / "journald")
    with pytest.raises(LogError, match=r"^make log \S+/1/1/journald: "):
        opened(tmp_path, "journald")
    assert not (tmp_path / "elsewhere").exists()
