"""The supervisor's own log in the systemd journal."""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.logs.journald import JournaldConnection
from supervisor.systemd.journal import JournalOutlet, is_journal
from tests.integration.logs.journal import FakeJournal


def send(outlet: JournalOutlet, text: str) -> None:
    """Log a line."""
    outlet.info(outlet.render(None, "info", {"event": text}))


def test_the_journal_is_told_by_its_stream(tmp_path: Path) -> None:
    """The variable alone does not say it: a child may have another stderr."""
    with open(tmp_path / "stream", "w") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(stream.fileno(), environ)
        assert not is_journal(stream.fileno(), {})
        with open(tmp_path / "other", "w") as other:
            assert not is_journal(other.fileno(), environ)
    assert not is_journal(9999, environ)


def test_lines_that_the_journal_does_not_take_are_counted(tmp_path: Path) -> None:
    """A busy journal and one that is away hold nothing up; the next line says what was lost."""
    connection = JournaldConnection(str(tmp_path / "socket"))
    outlet = JournalOutlet(connection)
    send(outlet, "lost")
    with FakeJournal(str(tmp_path / "socket")) as journal:
        send(outlet, "first")
        send(outlet, "second")
        texts = [entry["MESSAGE"] for entry in journal.read()]
        assert texts == [b"first dropped=1", b"second"]
        for _ in range(1000):
            send(outlet, "many")
        taken = len(journal.read())
        assert 0 < taken < 1000
        send(outlet, "last")
        (entry,) = journal.read()
        assert entry["MESSAGE"] == f"last dropped={1000 - taken}".encode()
    connection.close()
