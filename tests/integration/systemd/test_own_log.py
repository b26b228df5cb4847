"""The supervisor's own log where its stderr goes to the journal."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.integration.cli.pocker import PATIENCE
from tests.integration.logs.journal import FakeJournal
from tests.integration.systemd.conftest import Manager

pytestmark = pytest.mark.root

IN_PLACE = (
    "mount -t tmpfs none /run && mkdir -p /run/systemd/journal &&"
    ' mount --bind "$1" /run/systemd/journal && shift && exec "$@"'
)
"""Puts a directory where the journal's socket is, for what is executed only."""


def test_lines_have_fields_and_priorities(manager: Manager) -> None:
    """The journal gets them itself, and stderr, by which it would get them again, gets none."""
    pocker = manager.pocker
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "exit 3"\nretries = 1\n')
    place = pocker.top / "journal"
    place.mkdir()
    with (
        FakeJournal(str(place / "socket")) as journal,
        journal.being_read() as entries,
        open(pocker.top / "stderr", "wb") as stderr,
    ):
        status = os.fstat(stderr.fileno())
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", IN_PLACE, "sh", place, *pocker.command("up", file)],
            env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            timeout=PATIENCE,
            check=False,
        )
    (end,) = [entry for entry in entries if entry["MESSAGE"].startswith(b"job ended ")]
    assert (end["JOB"], end["ATTEMPT"], end["REASON"], end["CODE"]) == (b"a", b"2", b"Error", b"3")
    assert end["RUN"].isdigit()
    assert {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {b"pocker"}
    assert "job ended" not in (pocker.top / "stderr").read_text()
